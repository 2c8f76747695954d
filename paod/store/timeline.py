"""Which state of which database a generation is of: numbers alone may be given out twice.

A database goes back when a backup is restored, a file is put in its place, or a standby that lacks
the last commits becomes the primary. What it does next gets the same numbers with other content. So
each generation has a random id, its *epoch*, written in the transaction that makes it, and
whatever was told of a generation counts only as long as the database knows that id.

A *timeline* is a row of generations of which each follows the one before. A database that went back
begins a new one, as soon as anybody can tell: whoever was told a state that the database does not
know, or who writes over a server that is not the one it was written by. No epoch of a former
timeline counts then, so that also those begin again who read what was lost and asked for it late.
"""

from __future__ import annotations

import secrets
from typing import Final

from paod.database import Row
from paod.model import Edition, WentBack
from paod.store.base import Base

_SERVED: Final = "SELECT timeline, generation, epoch FROM catalog_head"
_KNOWN: Final = """
SELECT 1 AS found FROM catalog_head WHERE epoch = :epoch AND generation >= :since
UNION ALL
SELECT 1 FROM catalog_generations AS former JOIN catalog_head AS head
    ON head.timeline = former.timeline
WHERE former.epoch = :epoch AND former.generation >= :since
"""
_FORMER: Final = "SELECT 1 AS found FROM catalog_generations WHERE epoch = :epoch"
_FORMER_TIMELINE: Final = """
SELECT 1 AS found FROM catalog_generations WHERE timeline = :timeline LIMIT 1
"""
_KEEP: Final = """
INSERT INTO catalog_generations (epoch, timeline, generation)
SELECT epoch, timeline, generation FROM catalog_head
"""
_LOSE: Final = """
INSERT INTO catalog_generations (epoch, timeline, generation)
VALUES (:epoch, :timeline, :generation) ON CONFLICT (epoch) DO NOTHING
"""
_NEXT: Final = "UPDATE catalog_head SET generation = :generation, epoch = :epoch"
_BEGIN: Final = """
UPDATE catalog_head
SET timeline = :timeline, epoch = :epoch, went_back_at = :now, went_back_from = :lost,
    went_back_to = generation
RETURNING went_back_at, went_back_from, went_back_to
"""
_LOST_MORE: Final = """
UPDATE catalog_head SET went_back_from = :lost
WHERE COALESCE(went_back_from, 0) < :lost
RETURNING went_back_at, went_back_from, went_back_to
"""
PRESENT: Final = "SELECT timeline, generation, epoch, server FROM catalog_head"
_SET_SERVER: Final = "UPDATE catalog_head SET server = :server"


def new_id() -> str:
    """Return a random id that no other state has, nor will have."""
    return secrets.token_hex(8)


class Timeline(Base):
    """Gives out generations, and sees when the database went back."""

    def served(self) -> Edition:
        """Return which state readers see, in less time than the head."""
        return Edition(**self._only_row(_SERVED))

    def knows(self, epoch: str, since: int) -> bool:
        """Whether a generation on the present timeline has an epoch, and is ``since`` or later."""
        return bool(self.database.query(_KNOWN, {"epoch": epoch, "since": since}))

    def go_on_from(self, told: Edition) -> WentBack | None:
        """Begin a new timeline where the database does not know what was told of it.

        None: it does, or somebody else has begun one since, and what was told was not lost.
        """
        if self._is_past(told):
            return None
        with self.database.atomic():
            present = self.served()
            if self._is_past(told):
                return None
            if self._is_former(told.timeline, present.timeline):
                rows = self.database.query(_LOST_MORE, {"lost": told.generation})
                return _went_back(rows[0]) if rows else None
            lost = {"epoch": told.epoch, "timeline": told.timeline}
            self.database.execute(_LOSE, lost | {"generation": told.generation})
            return self._begin_timeline(told.generation)

    def confirm_server(self) -> WentBack | None:
        """Begin a new timeline where another server has the database than wrote it last.

        For one that became the primary may lack what the former one had.
        """
        with self.database.atomic():
            return self._confirm_server()

    def _is_past(self, told: Edition) -> bool:
        present = self.served()
        if told == present:
            return True
        if told.timeline == present.timeline:
            return self.knows(told.epoch, told.generation)
        if not self._is_former(told.timeline, present.timeline):
            return False
        return bool(self.database.query(_FORMER, {"epoch": told.epoch}))

    def _is_former(self, timeline: str, present: str) -> bool:
        values = {"timeline": timeline}
        return timeline != present and bool(self.database.query(_FORMER_TIMELINE, values))

    def _new_generation(self, present: Row | None = None) -> Edition:
        """Count one more generation, and return it.

        ``present``: what ``PRESENT`` gives in this transaction, where it was asked already.
        """
        row = present or self._only_row(PRESENT)
        if self._is_other_server(row["server"]):
            self._confirm_server()
            row = self._only_row(PRESENT)
        following = Edition(row["timeline"], row["generation"] + 1, new_id())
        values = {"generation": following.generation, "epoch": following.epoch}
        self.database.execute_many(_KEEP, [{}])
        self.database.execute_many(_NEXT, [values])
        return following

    def _is_other_server(self, known: str | None) -> bool:
        server = self.database.server()
        return server is not None and server != known

    def _confirm_server(self) -> WentBack | None:
        known = self._only_row(PRESENT)["server"]
        if not self._is_other_server(known):
            return None
        self.database.execute_many(_SET_SERVER, [{"server": self.database.server()}])
        return None if known is None else self._begin_timeline(None)

    def _begin_timeline(self, lost: int | None) -> WentBack:
        """``lost``: the highest generation that is known to have been, None: nobody knows."""
        self.database.execute(_KEEP)
        values = {"timeline": new_id(), "epoch": new_id(), "now": self._now(), "lost": lost}
        return _went_back(self.database.query(_BEGIN, values)[0])


def _went_back(row: Row) -> WentBack:
    return WentBack(row["went_back_at"], row["went_back_from"], row["went_back_to"])
