"""A plan, carried out: the whole sync in one transaction, or nothing of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

from paod.database import Row
from paod.errors import SettingsDiffer, StoreError
from paod.failpoint import failpoint
from paod.model import Commit, Edition, Head, Key, Plan, SyncResult, other_source
from paod.store.counters import count_applied, deliveries_of
from paod.store.feed import write_changes
from paod.store.files import write_files
from paod.store.head import HEAD, HeadState, PinChange, head_of
from paod.store.outcome import write_outcome
from paod.store.overlay import PINNED, Overlay
from paod.store.published import Publishing
from paod.store.recorded import Recorder, open_before
from paod.store.telling import Telling
from paod.store.timeline import PRESENT
from paod.store.writing import Writing, write_entries

_MOVE_HEAD: Final = """
UPDATE catalog_head
SET commit_hash = :commit, basis = :basis, synced_at = :now, passed_commit = NULL,
    applied_with = :applied_with, applied_sync = :sync_id
"""
_PUT_ALIAS: Final = """
INSERT INTO catalog_aliases (kind, name, target) VALUES (:kind, :name, :target)
ON CONFLICT (kind, name) DO UPDATE SET target = excluded.target
"""
_DROP_ALIAS: Final = "DELETE FROM catalog_aliases WHERE kind = :kind AND name = :name"


@dataclass(frozen=True, slots=True)
class Before:
    """Rows as they were before a sync wrote any."""

    present: Row
    pinned: list[Row]
    deliveries: list[Row]
    problems: list[Row]


class Applying(HeadState, Telling):
    """Publishes a new catalog."""

    def apply(
        self,
        sync_id: int,
        plan: Plan,
        result: SyncResult,
        *,
        commit: Commit | str,
        basis: str,
        applied_with: str | None = None,
        pin: PinChange = "unchanged",
        touch_checked: bool = False,
    ) -> Edition:
        """Write a plan, the head and the sync's outcome together; return what is served now.

        The sync must be running and must have started from the head as it still is; else, and
        after any error of the database, nothing is written (``StoreError``).
        ``touch_checked``: the commit is what the remote has now.
        """
        began, result = time.monotonic(), self._fit(result)
        with self.database.atomic():
            head, before = self._read_ahead(sync_id, plan)
            if head.commit != result.from_commit:
                raise StoreError(
                    "the catalog has moved since this sync began; it was not applied",
                    "see that no other program syncs this database without its lock",
                )
            self._check_source(head, applied_with)
            overlay = Overlay(self.database, plan, before.pinned)
            served = self._new_generation(before.present) if overlay.visible else head.edition
            generation = served.generation
            now = self._now()
            writing = Writing(sync_id, generation, now, self._source.root)
            write_outcome(self.database, sync_id, result, now, generation)
            overlay.lift()
            publishing = Publishing(self.database, plan)
            write_entries(self.database, plan, writing)
            publishing.write()
            write_files(self.database, plan)
            recorded = Recorder(self.database, sync_id, now).applied(plan, before.problems)
            self._write_aliases(plan.aliases)
            changes = overlay.lay(generation, now)
            write_changes(self.database, changes, generation)
            self._write_head(commit, basis, applied_with, writing)
            self._set_pin(pin)
            if touch_checked:
                self._touch_checked()
            self._tell_sync(sync_id, result, recorded, changes, generation)
            seconds = time.monotonic() - began
            count_applied(self.database, before.deliveries, self._clock(), seconds)
            failpoint("before_commit")
        failpoint("after_commit")
        self.database.wake()
        return served

    def _read_ahead(self, sync_id: int, plan: Plan) -> tuple[Head, Before]:
        """Ask at once for all that nothing of this sync changes: each question is a round trip."""
        head, present, pinned, deliveries, *problems = self.database.query_all(
            [
                *((HEAD, None), (PRESENT, None), (PINNED, None), deliveries_of(sync_id)),
                *open_before(plan),
            ]
        )
        found = list(chain.from_iterable(problems))
        return head_of(head), Before(present[0], pinned, deliveries, found)

    def _write_aliases(self, aliases: Mapping[Key, str | None]) -> None:
        rows = [
            {"kind": kind, "name": name, "target": target}
            for (kind, name), target in aliases.items()
        ]
        gone = [{"kind": row["kind"], "name": row["name"]} for row in rows if row["target"] is None]
        leading = [row for row in rows if row["target"] is not None]
        if gone:
            self.database.execute_many(_DROP_ALIAS, gone)
        if leading:
            self.database.execute_many(_PUT_ALIAS, leading)

    def _check_source(self, head: Head, applied_with: str | None) -> None:
        """Raise ``SettingsDiffer`` where it has become another source's since this sync began."""
        if not self.database.shared or applied_with is None:
            return
        if differs := other_source(head.applied_with, applied_with):
            raise SettingsDiffer(
                f"the catalog is of another source than this machine's settings say ({differs})",
                "see to its settings, or let the catalog be theirs: paod sync --adopt",
            )

    def _write_head(
        self, commit: Commit | str, basis: str, applied_with: str | None, writing: Writing
    ) -> None:
        commit_hash = commit.hash if isinstance(commit, Commit) else commit
        values = {
            "commit": commit_hash,
            "basis": basis,
            "applied_with": applied_with,
            "now": writing.now,
            "sync_id": writing.sync_id,
        }
        self.database.execute_many(_MOVE_HEAD, [values])
