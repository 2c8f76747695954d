"""What bundles resolve to among the items that are *served*, where pins make that another thing.

A sync works it out from the branch. Here the parts that name a pinned item, or one that was just
released, are held against the row that readers are served.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any, Final

from paod.catalog.resolution import resolve
from paod.database import Database, Row
from paod.model import Resolved
from paod.store import codec

_ACTIVE: Final = """
SELECT id, name, version, revision, generation, updated_at, parts FROM catalog_bundles
WHERE is_active
"""
_MENTIONING: Final = f"{_ACTIVE} AND CAST(parts AS TEXT) LIKE :mention"
_NAMED: Final = f"{_ACTIVE} AND name = :name"
_BY_ID: Final = f"{_ACTIVE} AND id = :id"
_ITEM: Final = "SELECT version, is_active, on_line FROM catalog_items WHERE name = :name"
_ALIAS: Final = "SELECT target FROM catalog_aliases WHERE kind = 'item' AND name = :name"
_WRITE: Final = """
UPDATE catalog_bundles
SET parts = :parts, resolved = :resolved, generation = :generation, updated_at = :updated_at
WHERE id = :id
"""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle's row: what its parts resolve to, and since which generation it is as it is."""

    id: int
    name: str
    version: str
    revision: int
    generation: int
    updated_at: str
    parts: tuple[Resolved, ...]


def bundles_with(database: Database, names: Collection[str]) -> dict[int, Bundle]:
    """Return the active bundles that have a part of one of these names, by their ids."""
    found: dict[int, Bundle] = {}
    for name in names:
        for row in database.query(_MENTIONING, {"mention": f'%"{name}"%'}):
            bundle = _bundle(row)
            if any(part.name in names for part in bundle.parts):
                found[bundle.id] = bundle
    return found


def active_bundle(database: Database, name: str) -> dict[int, Bundle]:
    """Return the active bundle of a name by its id, if there is one."""
    return {row["id"]: _bundle(row) for row in database.query(_NAMED, {"name": name})}


def bundles_by_id(database: Database, ids: Iterable[int]) -> dict[int, Bundle]:
    """Return those that are active of the bundles with these ids."""
    rows = (row for one in ids for row in database.query(_BY_ID, {"id": one}))
    return {row["id"]: _bundle(row) for row in rows}


def served_parts(
    database: Database, bundle: Bundle, names: Collection[str]
) -> tuple[Resolved, ...]:
    """Return a bundle's parts, those of these names held against what is served now."""
    return tuple(_served(database, part) if part.name in names else part for part in bundle.parts)


def write_parts(
    database: Database,
    bundle: Bundle,
    parts: tuple[Resolved, ...],
    generation: int,
    updated_at: str,
) -> None:
    """Write what a bundle resolves to, and when that came to be."""
    database.execute(
        _WRITE,
        {
            "id": bundle.id,
            "parts": codec.dump_parts(parts),
            "resolved": all(part.version is not None for part in parts),
            "generation": generation,
            "updated_at": updated_at,
        },
    )


def _bundle(row: Row) -> Bundle:
    values: dict[str, Any] = dict(row)
    values["parts"] = codec.parse_parts(row["parts"])
    return Bundle(**values)


def _served(database: Database, part: Resolved) -> Resolved:
    rows = database.query(_ITEM, {"name": part.name})
    aliases = database.query(_ALIAS, {"name": part.name})
    return resolve(
        part.name,
        part.range,
        version=rows[0]["version"] if rows and rows[0]["is_active"] else None,
        follower=aliases[0]["target"] if aliases else None,
        removed=bool(rows and rows[0]["on_line"]),
    )
