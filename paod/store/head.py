"""The one row of head state: which commit is served, since when, and whether it is held there."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

from paod.database import Row
from paod.errors import StoreUnavailable
from paod.model import Head, Pin, WentBack
from paod.store.timeline import Timeline

PinChange = Pin | None | Literal["unchanged"]

HEAD = """
SELECT epoch, timeline, seal, commit_hash, generation, basis, synced_at, checked_at,
       pin_commit, pin_reason, pin_since, passed_commit, went_back_at, went_back_from, went_back_to,
       applied_with, applied_sync
FROM catalog_head
"""
_CHECKED = "UPDATE catalog_head SET checked_at = :now"
_MOVED = "SELECT moved_to FROM catalog_head"
_MOVE = "UPDATE catalog_head SET moved_to = :url"
_REACH = "UPDATE catalog_head SET passed_commit = :commit"
_PIN = """
UPDATE catalog_head SET pin_commit = :commit, pin_reason = :reason, pin_since = :since
"""
_ADOPT = "UPDATE catalog_head SET applied_with = :applied_with"
_TRIAL = "UPDATE catalog_head SET checked_at = checked_at"


class _TakenBack(Exception):
    """Ends a transaction that was only a trial."""


class HeadState(Timeline):
    """Reads the head, and moves what moves without a new catalog."""

    def head(self) -> Head:
        """Return the head."""
        return head_of(self.database.query(HEAD))

    def moved_to(self) -> str | None:
        """Return the address that the Git host redirects ours to, None where it does not."""
        url: str | None = self._only_row(_MOVED)["moved_to"]
        return url

    def note_moved(self, url: str | None) -> bool:
        """Keep where the Git host redirects to; return whether that is news."""
        if self.moved_to() == url:
            return False
        with self.database.atomic():
            self.database.execute(_MOVE, {"url": url})
        return True

    def touch_checked(self) -> None:
        """Record that the remote was seen just now to have nothing newer."""
        with self.database.atomic():
            self._touch_checked()

    def adopt(self, applied_with: str) -> None:
        """Let the catalog be of another source from the next sync on: an operator wants it."""
        with self.database.atomic():
            self.database.execute(_ADOPT, {"applied_with": applied_with})

    def try_to_write(self) -> None:
        """Write something and take it back; raises ``StoreError`` where that cannot be done."""
        with suppress(_TakenBack), self.database.atomic():
            self.database.execute(_TRIAL)
            raise _TakenBack

    def _touch_checked(self) -> None:
        self.database.execute_many(_CHECKED, [{"now": self._now()}])

    def _pass(self, since: str, commit: str) -> bool:
        """Note a commit that is known to change nothing since another, if that one is served.

        Return whether it is: as the applied commit, or as one that was passed so before. Inside a
        transaction.
        """
        head = self.head()
        if head.pin is not None or head.commit is None or since not in (head.commit, head.passed):
            return False
        self.database.execute(_REACH, {"commit": commit})
        return True

    def _set_pin(self, pin: PinChange) -> None:
        if pin == "unchanged":
            return
        commit, reason, since = (None,) * 3 if pin is None else (pin.commit, pin.reason, pin.since)
        values = {"commit": commit, "reason": reason, "since": since}
        self.database.execute_many(_PIN, [values])


def head_of(rows: Sequence[Row]) -> Head:
    """Return the head that ``HEAD`` asked for."""
    if not rows:
        raise StoreUnavailable("the database is not set up yet")
    row = rows[0]
    pinned = row["pin_commit"] is not None
    went_back = (row["went_back_at"], row["went_back_from"], row["went_back_to"])
    return Head(
        epoch=row["epoch"],
        timeline=row["timeline"],
        seal=row["seal"],
        commit=row["commit_hash"],
        generation=row["generation"],
        basis=row["basis"],
        synced_at=row["synced_at"],
        checked_at=row["checked_at"],
        pin=Pin(row["pin_commit"], row["pin_reason"], row["pin_since"]) if pinned else None,
        passed=row["passed_commit"],
        applied_with=row["applied_with"],
        applied_sync=row["applied_sync"],
        went_back=WentBack(*went_back) if row["went_back_at"] is not None else None,
    )
