"""Where the catalog stands, in one line for ``systemctl status``."""

from __future__ import annotations

from datetime import datetime

from paod.api.freshness import looks, staleness
from paod.config import Settings
from paod.store import Store


def standing_words(store: Store, settings: Settings, now: datetime) -> tuple[str, float | None]:
    """Return what is served, with how many problems, and why it may be old.

    And how many seconds ago the remote was seen to have nothing newer, None: never.
    """
    with store.database.snapshot():
        head, last = store.head(), store.last_following()
        errors, warnings = store.open_problems()
    words = [f"serving {head.commit[:12]}" if head.commit else "serving nothing yet"]
    if head.pin is not None:
        words.append("pinned")
    words.append(f"{_count(errors, 'error')} and {_count(warnings, 'warning')} open")
    if reasons := staleness(head, last, settings, now):
        words.append("stale (" + ", ".join(reason.code for reason in reasons) + ")")
    seen = max(looks(head), default=None)
    return ", ".join(words), None if seen is None else max(0.0, (now - seen).total_seconds())


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
