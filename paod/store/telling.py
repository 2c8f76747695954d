"""What is told of a sync, decided and queued in the transaction that writes how it ended.

A trouble (syncs fail, a commit is held or rejected, the branch is gone) is told when it begins and
when it ends, however often syncs come to the same; which ones were told is kept beside the queue.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from paod.database import Params, Row
from paod.messages import (
    STATE_REPEATS,
    Trouble,
    branch_gone,
    catalog_changed,
    commit_status,
    problems_cleared,
    problems_new,
    recovered,
    trouble,
)
from paod.model import CatalogChange, SyncResult
from paod.store.outbox import LAST_TOLD, Outbox, last_told
from paod.store.recorded import Recorded
from paod.store.syncs import FAILURES_IN_A_ROW

ALARMING: Final = 3
"""Failed syncs in a row; one or two are mended by trying again."""

_REQUEST: Final = """
SELECT id, triggered_by, dry_run, requested_commit, pin, status, reason, message,
       from_commit, commit_hash
FROM catalog_sync_status WHERE id = :id
"""
_BEGIN: Final = """
INSERT INTO told_troubles (trouble, subject, since) VALUES (:trouble, :subject, :now)
ON CONFLICT (trouble) DO UPDATE SET subject = excluded.subject, since = excluded.since
WHERE told_troubles.subject <> excluded.subject
RETURNING trouble
"""
_END_OTHERS: Final = "DELETE FROM told_troubles WHERE trouble <> :standing RETURNING trouble"
_FIRST: Final = """
SELECT path, line, code FROM catalog_validation_errors
WHERE status = 'open' AND severity = 'error' AND rejected = :rejected
ORDER BY path, line, id LIMIT 1
"""
_NOTHING: Final = "SELECT trouble FROM told_troubles WHERE 1 = 0"
_VERDICTS: Final[Mapping[str, Trouble]] = {"blocked": "held", "rejected": "rejected"}


@dataclass(frozen=True, slots=True)
class Ended:
    """A sync that ended. ``followed``: it went to where the branch is, or was to.

    ``failures``: how many failed in a row. ``first``: the problem that an author should look at
    first. ``last``: what was told of the commit before.
    """

    row: dict[str, Any]
    result: SyncResult
    failures: int
    first: Sequence[Row]
    last: Mapping[str, Any] | None

    @property
    def followed(self) -> bool:
        return self.row["requested_commit"] is None and self.result.reason != "Pinned"


class Telling(Outbox):
    """Queues alerts and commit statuses, as far as they are wanted."""

    def _tell_sync(
        self,
        sync_id: int,
        result: SyncResult,
        recorded: Recorded | None = None,
        changes: Sequence[CatalogChange] = (),
        generation: int = 0,
    ) -> None:
        """Queue what a sync's end tells others, inside its transaction."""
        if not (self._outlets.alerts or self._outlets.statuses):
            return
        asked: list[tuple[str, Params | None]] = [
            (_REQUEST, {"id": sync_id}),
            (FAILURES_IN_A_ROW, None),
            (_FIRST, {"rejected": result.status == "rejected"}),
            (LAST_TOLD, {"stream": _stream(result)}),
        ]
        (row,), failures, first, last = self.database.query_all(asked)
        if row["dry_run"]:
            return
        ended = Ended(row, result, int(failures[0]["failures"]), first, last_told(last))
        if self._outlets.alerts:
            self._tell_trouble(ended)
            if recorded is not None:
                self._tell_problems(ended, recorded)
            self._tell_changes(changes, generation, ended)
        if self._outlets.statuses and row["pin"] != "set":
            self._tell_status(ended)

    def _tell_branch_gone(self, why: str) -> None:
        """Queue the alert that the Git host said so, inside the delivery's transaction."""
        if self._outlets.alerts and self._begins("branch-gone"):
            self._alert(branch_gone(why))

    def _tell_changes(
        self, changes: Sequence[CatalogChange], generation: int, ended: Ended | None = None
    ) -> None:
        """Queue what readers see otherwise now, by a sync or by an operator's pin."""
        if changes and self._outlets.alerts and self._outlets.changes:
            self._alert(catalog_changed(generation, changes), ended)

    def _tell_trouble(self, ended: Ended) -> None:
        if not ended.followed:
            return
        result, failed = ended.result, ended.result.status == "failed"
        failures = ended.failures if failed else 0
        found = _trouble(result, failures)
        begun, others = self.database.query_all(
            [
                (_BEGIN, self._values(found, _subject(result))) if found else (_NOTHING, None),
                (_NOTHING, None) if failed else (_END_OTHERS, {"standing": found or ""}),
            ]
        )
        begins, over = bool(begun), [row["trouble"] for row in others]
        if found is not None and begins:
            self._alert(trouble(found, result, failures), ended)
        elif over:
            self._alert(recovered(over, found), ended)

    def _begins(self, found: Trouble, subject: str = "") -> bool:
        """Note a trouble; say whether it is another than was told last."""
        return bool(self.database.query(_BEGIN, self._values(found, subject)))

    def _values(self, found: str, subject: str) -> dict[str, str]:
        return {"trouble": found, "subject": subject, "now": self._now()}

    def _tell_problems(self, ended: Ended, recorded: Recorded) -> None:
        if recorded.new:
            self._alert(problems_new(recorded.new), ended)
        if recorded.cleared:
            self._alert(problems_cleared(recorded.cleared), ended)

    def _tell_status(self, ended: Ended) -> None:
        first = ended.first[0] if ended.first and ended.result.errors else None
        facts = commit_status(ended.result, first)
        if facts is None or ended.result.reason == "Pinned":
            return
        stream, last = _stream(ended.result), ended.last
        if last is not None and last["state"] == facts["state"]:
            same = last["description"] == facts["description"]
            if same or ended.result.reason in STATE_REPEATS:
                return
        self._supersede("status", stream)
        self._queue_message("status", stream, facts, ended.row["id"])

    def _alert(self, facts: dict[str, Any], ended: Ended | None = None) -> None:
        where = {"repository": self._source.repository_url, "branch": self._source.branch}
        about = {} if ended is None else {"sync": _sync_facts(ended.row)}
        sync_id = None if ended is None else ended.row["id"]
        self._queue_message("alert", "alert", {**facts, **where, **about}, sync_id)


def _stream(result: SyncResult) -> str:
    """Return the stream of a commit's statuses."""
    return f"status:{result.to_commit}"


def _trouble(result: SyncResult, failures: int) -> Trouble | None:
    """Return the trouble that a sync's end shows, None for none, or for one too short to tell."""
    if result.status == "failed" and result.reason == "BranchNotFound":
        return "branch-gone"
    if result.status == "failed":
        return "sync-failed" if failures >= ALARMING else None
    return _VERDICTS.get(result.status)


def _subject(result: SyncResult) -> str:
    """Return what a trouble is about: a commit that is held is told again when another one is."""
    return (result.to_commit or "") if result.status in _VERDICTS else ""


def _sync_facts(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "sync_id": row["id"],
        "trigger": row["triggered_by"],
        "status": row["status"],
        "reason": row["reason"],
        "message": row["message"],
        "from_commit": row["from_commit"],
        "to_commit": row["commit_hash"],
    }
