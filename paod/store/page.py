"""One page of a list, and the key after which the next one begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from paod.database import Row

PageKey = str | int | tuple[int, int]


@dataclass(frozen=True, slots=True)
class Page:
    """Rows in the API's shape. ``next``: the key to go on after, None on the last page."""

    rows: list[dict[str, Any]]
    next: PageKey | None = None


def page(
    found: Sequence[Row],
    limit: int,
    as_json: Callable[[Row], dict[str, Any]],
    key: Callable[[Row], PageKey],
) -> Page:
    """Make a page of rows that were asked for with one more than ``limit``."""
    rows = found[:limit]
    return Page([as_json(row) for row in rows], key(rows[-1]) if len(found) > limit else None)
