"""The recorded problems, as lists of the API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from paod.store.base import Base
from paod.store.page import Page, page
from paod.store.recorded import open_counts, problem_json

_ALL: Final = "SELECT * FROM catalog_validation_errors WHERE"
_BELOW: Final = "(path = :path OR (path > :folder AND path < :beyond))"


@dataclass(frozen=True, slots=True)
class ProblemFilters:
    """What a list of problems is narrowed to. ``path``: a file, or a folder and all below it."""

    status: Literal["open", "resolved", "all"] = "open"
    severity: str | None = None
    code: str | None = None
    path: str | None = None


class Findings(Base):
    """Reads what is and was wrong with documents."""

    def open_problems(self) -> tuple[int, int]:
        """Return how many errors and warnings are open, those of a rejected commit not counted."""
        return open_counts(self.database)

    def problems(self, filters: ProblemFilters, after: int | None, limit: int) -> Page:
        """Return problems in the order in which they came up, those after a row's id."""
        clauses: list[str] = []
        params: dict[str, Any] = {"after": after or 0, "limit": limit + 1}
        status = None if filters.status == "all" else filters.status
        wanted = (("status", status), ("severity", filters.severity), ("code", filters.code))
        for column, value in wanted:
            if value is not None:
                clauses.append(f"{column} = :{column} AND")
                params[column] = value
        if filters.path is not None:
            folder = filters.path.rstrip("/")
            clauses.append(f"{_BELOW} AND")
            params |= {"path": folder, "folder": f"{folder}/", "beyond": f"{folder}0"}
        sql = " ".join([_ALL, *clauses, "id > :after ORDER BY id LIMIT :limit"])
        return page(self.database.query(sql, params), limit, problem_json, lambda row: row["id"])
