"""The one row of head state: which commit is served, since when, and whether it is held there."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from paod.database import Row
from paod.errors import StoreUnavailable
from paod.model import Head, Pin
from paod.store.base import Base

PinChange = Pin | None | Literal["unchanged"]

_HEAD = """
SELECT epoch, commit_hash, generation, basis, synced_at, checked_at,
       pin_commit, pin_reason, pin_since, passed_commit
FROM catalog_head
"""
_SERVED = "SELECT epoch, generation FROM catalog_head"
_GENERATION = "UPDATE catalog_head SET generation = generation + 1 RETURNING generation"
_CHECKED = "UPDATE catalog_head SET checked_at = :now"
_REACH = "UPDATE catalog_head SET passed_commit = :commit"
_PIN = """
UPDATE catalog_head SET pin_commit = :commit, pin_reason = :reason, pin_since = :since
"""
_TRIAL = "UPDATE catalog_head SET checked_at = checked_at"


class _TakenBack(Exception):
    """Ends a transaction that was only a trial."""


class HeadState(Base):
    """Reads the head, and moves what moves without a new catalog."""

    def head(self) -> Head:
        """Return the head."""
        row = self._row(_HEAD)
        pinned = row["pin_commit"] is not None
        return Head(
            epoch=row["epoch"],
            commit=row["commit_hash"],
            generation=row["generation"],
            basis=row["basis"],
            synced_at=row["synced_at"],
            checked_at=row["checked_at"],
            pin=Pin(row["pin_commit"], row["pin_reason"], row["pin_since"]) if pinned else None,
            passed=row["passed_commit"],
        )

    def served(self) -> tuple[str, int]:
        """Return the epoch and the generation that readers see, in less time than the head."""
        row = self._row(_SERVED)
        return row["epoch"], row["generation"]

    def touch_checked(self) -> None:
        """Record that the remote was seen just now to have nothing newer."""
        with self.database.atomic():
            self._touch_checked()

    def try_to_write(self) -> None:
        """Write something and take it back; raises ``StoreError`` where that cannot be done."""
        with suppress(_TakenBack), self.database.atomic():
            self.database.execute(_TRIAL)
            raise _TakenBack

    def _row(self, sql: str) -> Row:
        rows = self.database.query(sql)
        if not rows:
            raise StoreUnavailable("the database is not set up yet")
        return rows[0]

    def _new_generation(self) -> int:
        """Count one more generation, and return its number."""
        return int(self.database.query(_GENERATION)[0]["generation"])

    def _touch_checked(self) -> None:
        self.database.execute(_CHECKED, {"now": self._now()})

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
        self.database.execute(_PIN, {"commit": commit, "reason": reason, "since": since})
