"""Problems as they come and go: each row is one problem from its first sight to its end.

A problem is the same one as before if file, code, pointer, document and message are; its line may
move. What a rejected commit has wrong is recorded too, marked ``rejected``: it is not said of the
catalog that is served, and ends with the next sync that says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from paod.database import Database, Params, Row
from paod.model import Plan, Problem

Problems = Mapping[str, tuple[Problem, ...]]

_OPEN: Final = "SELECT * FROM catalog_validation_errors WHERE status = 'open'"
_OPEN_OF_PATH: Final = f"{_OPEN} AND path = :path"
_OPEN_REJECTED: Final = f"{_OPEN} AND rejected"
_INSERT: Final = """
INSERT INTO catalog_validation_errors (
    path, document, code, severity, line, col, pointer, message, hint, commit_hash,
    status, rejected, first_seen_at, sync_id
) VALUES (
    :path, :document, :code, :severity, :line, :column, :pointer, :message, :hint, :commit,
    'open', :rejected, :now, :sync_id
)
"""
_UPDATE: Final = """
UPDATE catalog_validation_errors
SET severity = :severity, line = :line, col = :column, hint = :hint, commit_hash = :commit,
    rejected = :rejected
WHERE id = :id
"""
_RESOLVE: Final = """
UPDATE catalog_validation_errors
SET status = 'resolved', resolved_at = :now, resolved_by_sync_id = :sync_id
WHERE id = :id
"""
_COUNTS: Final = """
SELECT severity, COUNT(*) AS found FROM catalog_validation_errors
WHERE status = 'open' AND NOT rejected GROUP BY severity
"""

_Identity = tuple[str, str, str, str | None, str]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became otherwise with the catalog that is served: problems that came, that went."""

    new: tuple[Row, ...] = ()
    cleared: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Recorder:
    """Writes the problems of one sync. ``now``: the time of what begins and ends."""

    database: Database
    sync_id: int
    now: str

    def applied(self, plan: Plan, before: Iterable[Row]) -> Recorded:
        """Record the problems of a plan that is applied; what is not said again is resolved.

        ``before``: the rows that ``open_before`` asked for.
        """
        rows = {row["id"]: row for row in before}
        return self._record(rows.values(), _all(plan.problems), rejected=False)

    def rejected(self, problems: Problems) -> Recorded:
        """Record what a refused commit has wrong, beside what is wrong with the served one."""
        asked = self.database.query_all(_of_paths(problems))
        open_rows = list(chain.from_iterable(asked))
        of_catalog = {_identity(row) for row in open_rows if not row["rejected"]}
        new = [problem for problem in _all(problems) if _key(problem) not in of_catalog]
        return self._record(self.database.query(_OPEN_REJECTED), new, rejected=True)

    def verified(self) -> Recorded:
        """Resolve what a refused commit had wrong: the branch is at the served one again."""
        return self._record(self.database.query(_OPEN_REJECTED), (), rejected=False)

    def _record(self, before: Iterable[Row], now: Iterable[Problem], *, rejected: bool) -> Recorded:
        waiting: dict[_Identity, list[Row]] = {}
        for row in before:
            waiting.setdefault(_identity(row), []).append(row)
        new, changed, taken_over = [], [], []
        for problem in now:
            values = _values(problem, rejected)
            same = waiting.get(_key(problem))
            if not same:
                new.append(values | {"now": self.now, "sync_id": self.sync_id})
            elif _differs(row := same.pop(), values):
                changed.append(values | {"id": row["id"]})
                if row["rejected"]:
                    taken_over.append(values)  # of a refused commit, and now of the catalog
        ended = [row for rows in waiting.values() for row in rows]
        self._write(new, changed, ended)
        return Recorded(
            new=() if rejected else (*new, *taken_over),
            cleared=tuple(row for row in ended if not row["rejected"]),
        )

    def _write(self, new: list[Row], changed: list[Row], ended: list[Row]) -> None:
        if new:
            self.database.execute_many(_INSERT, new)
        if changed:
            self.database.execute_many(_UPDATE, changed)
        if ended:
            marks = {"now": self.now, "sync_id": self.sync_id}
            self.database.execute_many(_RESOLVE, [{"id": row["id"], **marks} for row in ended])


def open_before(plan: Plan) -> list[tuple[str, Params | None]]:
    """Return what asks for the open problems that a plan may end: those of a refused commit too."""
    if plan.replace_problems:
        return [(_OPEN, None)]
    return [*_of_paths({*plan.problems, *plan.files}), (_OPEN_REJECTED, None)]


def _of_paths(paths: Iterable[str]) -> list[tuple[str, Params | None]]:
    return [(_OPEN_OF_PATH, {"path": path}) for path in sorted(paths)]


def open_counts(database: Database) -> tuple[int, int]:
    """Return how many errors and warnings are open, those of a rejected commit not counted."""
    found = {row["severity"]: row["found"] for row in database.query(_COUNTS)}
    return found.get("error", 0), found.get("warning", 0)


def problem_json(row: Row) -> dict[str, Any]:
    """Return a row as readers see a problem, with when it came and went."""
    return {
        "id": row["id"],
        "code": row["code"],
        "severity": row["severity"],
        "path": row["path"],
        "line": row["line"],
        "column": row["col"],
        "pointer": row["pointer"],
        "message": row["message"],
        "hint": row["hint"],
        "document": row["document"],
        "commit": row["commit_hash"],
        "status": row["status"],
        "rejected": bool(row["rejected"]),
        "first_seen_at": row["first_seen_at"],
        "resolved_at": row["resolved_at"],
        "sync_id": row["sync_id"],
    }


def _all(problems: Problems) -> Iterator[Problem]:
    for found in problems.values():
        yield from found


def _key(problem: Problem) -> _Identity:
    return problem.path, problem.code, problem.pointer, problem.document, problem.message


def _identity(row: Row) -> _Identity:
    return row["path"], row["code"], row["pointer"], row["document"], row["message"]


def _values(problem: Problem, rejected: bool) -> Row:
    return problem.as_json() | {"rejected": rejected}


def _differs(row: Row, values: Row) -> bool:
    return any(
        row[column] != values[name]
        for name, column in (
            *(("severity", "severity"), ("line", "line"), ("column", "col"), ("hint", "hint")),
            *(("commit", "commit_hash"), ("rejected", "rejected")),
        )
    )
