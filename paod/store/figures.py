"""What machines watch paod by, in figures that cost little: asked for every few seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from paod.model import Edition, Head, Kind
from paod.store.head import HeadState
from paod.store.outbox import Outbox
from paod.store.recorded import open_counts
from paod.store.syncs import FAILURES_IN_A_ROW, LAST_ENDED, LAST_VERDICT
from paod.store.tables import KINDS, of_kind

REFUSED: Final = ("blocked", "rejected")

_SYNCS: Final = f"""
SELECT {LAST_ENDED} AS ended,
       (SELECT COUNT(*) FROM catalog_sync_status WHERE status = 'running') AS running
"""  # noqa: S608 built from constants
_COUNTERS: Final = "SELECT counter, label, detail, total FROM counters"
_STATES: Final = """
SELECT CASE WHEN NOT is_active THEN 'removed' WHEN stale_since IS NOT NULL THEN 'stale'
            ELSE 'fresh' END AS state, COUNT(*) AS found
FROM {entries} GROUP BY 1
"""


@dataclass(frozen=True, slots=True)
class Figures:
    """What the database says of syncs, the head and messages.

    ``ended``: the newest sync that ended by itself, 0 for none. ``failures``: syncs that failed in
    a row. ``held``: the branch's commit was read, and is refused. ``messages`` were told, by kind
    and result; ``waiting`` ones not yet, by kind. ``counters`` by counter, label and detail.
    """

    head: Head
    ended: int
    running: bool
    failures: int
    held: bool
    messages: Mapping[tuple[str, str], int]
    waiting: Mapping[str, int]
    counters: Mapping[tuple[str, str, str], int]

    @property
    def edition(self) -> tuple[Edition, int]:
        """What is another one whenever a census could give other numbers."""
        return self.head.edition, self.ended


@dataclass(frozen=True, slots=True)
class Census:
    """Entries by kind and state (fresh, stale, removed), and the open problems."""

    entries: Mapping[tuple[Kind, str], int]
    errors: int
    warnings: int


class Watched(HeadState, Outbox):
    """Tells how paod is, in figures."""

    def figures(self) -> Figures:
        """Return what is found by an index or in small tables."""
        with self.database.snapshot():
            head = self.head()
            syncs = self.database.query(_SYNCS)[0]
            return Figures(
                head=head,
                ended=syncs["ended"] or 0,
                running=syncs["running"] > 0,
                failures=self.database.query(FAILURES_IN_A_ROW)[0]["failures"],
                held=self._is_held(head),
                messages=self.outbox_counts(),
                waiting=self.outbox_waiting(),
                counters={
                    (row["counter"], row["label"], row["detail"]): row["total"]
                    for row in self.database.query(_COUNTERS)
                },
            )

    def census(self) -> Census:
        """Count the entries and the open problems; this reads tables whole."""
        with self.database.snapshot():
            entries = {
                (kind, row["state"]): row["found"]
                for kind in KINDS
                for row in self.database.query(of_kind(kind, _STATES))
            }
            return Census(entries, *open_counts(self.database))

    def _is_held(self, head: Head) -> bool:
        rows = self.database.query(LAST_VERDICT)
        return bool(rows) and rows[0]["status"] in REFUSED and rows[0]["commit_hash"] != head.commit
