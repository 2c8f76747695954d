"""Where the catalog stands: what runs, what waits, what is served, whether it is fresh."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from paod.api.freshness import next_poll, staleness
from paod.config import Settings
from paod.model import Head
from paod.store import Store

Json = dict[str, Any]


def standing(store: Store, settings: Settings, now: datetime) -> Json:
    """Return the state of things in the shape of the API's sync status, syncs without addresses."""
    with store.database.snapshot():
        head, last = store.head(), store.last()
        following = store.last_following()
        syncs = {"current": store.current(), "last": last, "queued": store.queue()}
        pins = store.item_pins()
    reasons = staleness(head, following, settings, now)
    poll = next_poll(head, following, settings)
    leader = store.database.sync_holder()
    return syncs | {
        "head": head_told(head),
        "pin": _pin(head),
        "item_pins": pins,
        "went_back": _went_back(head),
        "leader": None if leader is None else {"instance": leader[0], "since": leader[1]},
        "stale": bool(reasons),
        "stale_reasons": [reason.as_json() for reason in reasons],
        "next_poll_at": None if poll is None else poll.isoformat().replace("+00:00", "Z"),
    }


def head_told(head: Head) -> Json:
    """Return what readers are told of the head."""
    return {
        "commit_hash": head.commit,
        "generation": head.generation,
        "synced_at": head.synced_at,
        "checked_at": head.checked_at,
    }


def _went_back(head: Head) -> Json | None:
    found = head.went_back
    if found is None:
        return None
    return {"at": found.at, "from_generation": found.lost, "to_generation": found.generation}


def _pin(head: Head) -> Json | None:
    pin = head.pin
    if pin is None:
        return None
    return {"commit_hash": pin.commit, "reason": pin.reason, "since": pin.since}
