"""Webhook deliveries: each is stored with what it asked for, and counted when it comes again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from paod.database import Row
from paod.failpoint import failpoint
from paod.model import SyncRequest
from paod.store import codec
from paod.store.fate import final_sync
from paod.store.page import Page, page
from paod.store.queue import Queue

GOES_WELL: Final = frozenset({"queued", "running", "completed"})
"""States of a sync after which its delivery need not start another."""

_SEEN: Final = "SELECT status, sync_id FROM webhook_events WHERE delivery_id = :delivery_id"
_INSERT: Final = """
INSERT INTO webhook_events (
    delivery_id, event, status, reason, commit_hash, payload, attempts,
    received_at, last_received_at, sync_id
) VALUES (
    :delivery_id, :event, :status, :reason, :commit, :payload, 1, :now, :now, :sync_id
)
"""
_AGAIN: Final = """
UPDATE webhook_events
SET attempts = attempts + 1, last_received_at = :now, status = :status, reason = :reason,
    sync_id = :sync_id
WHERE delivery_id = :delivery_id
"""
_DUPLICATE: Final = """
UPDATE webhook_events SET attempts = attempts + 1, last_received_at = :now
WHERE delivery_id = :delivery_id
"""
_EVENTS: Final = """
SELECT * FROM webhook_events WHERE id < :before ORDER BY id DESC LIMIT :limit
"""
_EVENT: Final = "SELECT * FROM webhook_events WHERE delivery_id = :delivery_id"


@dataclass(frozen=True, slots=True)
class Delivery:
    """One webhook call. ``status`` is what was answered: ``accepted``, ``ignored``, ``pong``.

    ``payload`` is what explains it (ref, before, after, head commit, pusher), never the body;
    ``commit`` is the commit that it says the branch is at.
    """

    id: str
    event: str
    status: str
    reason: str = ""
    commit: str | None = None
    payload: Mapping[str, Any] = field(default_factory=dict)
    branch_gone: bool = False
    """It says that the branch was deleted."""
    unchanged_since: str | None = None
    """A commit after which, as it proves, nothing under the root changed up to ``commit``."""


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a delivery. ``sync_id``: the sync that it started, or that it led to before.

    ``duplicate``: it was here before and needs nothing. ``spared``: it changes nothing that is
    served, and needs no sync for that.
    """

    sync_id: int | None
    duplicate: bool
    spared: bool = False


class Deliveries(Queue):
    """Stores deliveries together with the requests that they make."""

    def receive(self, delivery: Delivery, request: SyncRequest | None) -> Received:
        """Store a delivery and, in the same transaction, the sync it asks for, if any.

        One that came before starts a sync only if its former one did not go well or never was. One
        that changes nothing under the root starts none if it starts where the catalog is; else a
        delivery before it was lost.
        """
        with self.database.atomic():
            received = self._receive(delivery, request)
            if delivery.branch_gone and not received.duplicate:
                self._tell_branch_gone(delivery.reason)
        failpoint("after_event_insert")
        if not received.duplicate and (received.spared or received.sync_id is not None):
            self.database.wake()
        return received

    def events(self, before: int | None, limit: int) -> Page:
        """Return deliveries, newest first, those older than the row ``before``."""
        with self.database.snapshot():
            rows = self.database.query(_EVENTS, {"before": before or 2**62, "limit": limit + 1})
            return page(rows, limit, self._event_json, lambda row: row["id"])

    def event(self, delivery_id: str) -> dict[str, Any] | None:
        """Return one delivery and what became of it, None if it never came."""
        with self.database.snapshot():
            rows = self.database.query(_EVENT, {"delivery_id": delivery_id})
            return self._event_json(rows[0]) if rows else None

    def _receive(self, delivery: Delivery, request: SyncRequest | None) -> Received:
        seen = self.database.query(_SEEN, {"delivery_id": delivery.id})
        values: dict[str, Any] = {"delivery_id": delivery.id, "now": self._now()}
        if seen and (request is None or self._is_done(seen[0])):
            self.database.execute(_DUPLICATE, values)
            return Received(seen[0]["sync_id"], duplicate=True)
        spared = self._spares(delivery)
        sync_id = None if request is None or spared else self._enqueue(request)
        told = "" if delivery.unchanged_since and not spared else delivery.reason
        values |= {"status": delivery.status, "reason": told, "sync_id": sync_id}
        if seen:
            self.database.execute(_AGAIN, values)
        else:
            details = {"event": delivery.event, "commit": delivery.commit}
            payload = {"payload": codec.dump(dict(delivery.payload))}
            self.database.execute(_INSERT, values | details | payload)
        return Received(sync_id, duplicate=False, spared=spared)

    def _spares(self, delivery: Delivery) -> bool:
        since, commit = delivery.unchanged_since, delivery.commit
        return since is not None and commit is not None and self._pass(since, commit)

    def _is_done(self, seen: Row) -> bool:
        """Whether a delivery's sync is to come, runs or went well, or it was spared one."""
        if seen["sync_id"] is None:
            return bool(seen["status"] == "accepted")
        fate = final_sync(self.database, seen["sync_id"])
        return fate is not None and fate["status"] in GOES_WELL

    def _event_json(self, row: Row) -> dict[str, Any]:
        fate = final_sync(self.database, row["sync_id"])
        return {
            "delivery_id": row["delivery_id"],
            "event": row["event"],
            "status": row["status"],
            "reason": row["reason"],
            "commit_hash": row["commit_hash"],
            "payload": codec.parse(row["payload"]),
            "attempts": row["attempts"],
            "received_at": row["received_at"],
            "last_received_at": row["last_received_at"],
            "sync_id": row["sync_id"],
            "sync": None
            if fate is None
            else {"sync_id": fate["id"], "status": fate["status"], "reason": fate["reason"]},
        }
