"""What bundles resolve to among the items that are *served*, where pins make that another thing.

A sync works it out from the branch. Here the parts that name a pinned item, or one that was just
released, are held against the row that readers are served.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from paod.catalog.resolution import resolve
from paod.database import Database, Params, Row
from paod.model import Resolved
from paod.store import codec

Asked = tuple[str, Params | None]

_ACTIVE: Final = """
SELECT id, name, version, revision, generation, updated_at, parts FROM catalog_bundles
WHERE is_active
"""
_MENTIONING: Final = f"{_ACTIVE} AND CAST(parts AS TEXT) LIKE :mention"
_NAMED: Final = f"{_ACTIVE} AND name = :name"
_BY_ID: Final = f"{_ACTIVE} AND id = :id"
_ITEM: Final = "SELECT name, version, is_active, on_line FROM catalog_items WHERE name = :name"
_ALIAS: Final = "SELECT name, target FROM catalog_aliases WHERE kind = 'item' AND name = :name"
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
    return bundles_before(database, names, ())


def bundles_before(
    database: Database, parts: Collection[str], named: Iterable[str]
) -> dict[int, Bundle]:
    """Return the active bundles that have a part of some names, and those of other names."""
    mentioning: list[Asked] = [(_MENTIONING, {"mention": f'%"{name}"%'}) for name in parts]
    asked: list[Asked] = [*mentioning, *((_NAMED, {"name": name}) for name in named)]
    answers = database.query_all(asked)
    found = map(_bundle, chain.from_iterable(answers[: len(mentioning)]))
    having = {one.id: one for one in found if any(part.name in parts for part in one.parts)}
    others = map(_bundle, chain.from_iterable(answers[len(mentioning) :]))
    return having | {one.id: one for one in others}


@dataclass(frozen=True, slots=True)
class ServedItems:
    """What is served under some names, to hold parts against."""

    names: Collection[str]
    items: Mapping[str, Row]
    followers: Mapping[str, str]

    def parts(self, bundle: Bundle) -> tuple[Resolved, ...]:
        """Return a bundle's parts, those of these names held against what is served."""
        return tuple(
            self._resolved(part) if part.name in self.names else part for part in bundle.parts
        )

    def _resolved(self, part: Resolved) -> Resolved:
        row = self.items.get(part.name)
        return resolve(
            part.name,
            part.range,
            version=row["version"] if row and row["is_active"] else None,
            follower=self.followers.get(part.name),
            removed=bool(row and row["on_line"]),
        )


def bundles_now(
    database: Database, ids: Iterable[int], named: Iterable[str], names: Collection[str]
) -> tuple[dict[int, Bundle], ServedItems]:
    """Return those that are active of bundles by id or name, and what is served under ``names``."""
    ours: list[Asked] = [(_BY_ID, {"id": one}) for one in ids]
    ours += [(_NAMED, {"name": name}) for name in named]
    asked: list[Asked] = [(sql, {"name": name}) for sql in (_ITEM, _ALIAS) for name in names]
    answers = database.query_all([*ours, *asked])
    bundles = map(_bundle, chain.from_iterable(answers[: len(ours)]))
    rows = list(chain.from_iterable(answers[len(ours) :]))
    items = {row["name"]: row for row in rows if "version" in row}
    followers = {row["name"]: row["target"] for row in rows if "target" in row}
    return {one.id: one for one in bundles}, ServedItems(names, items, followers)


def write_parts(
    database: Database,
    bundle: Bundle,
    parts: tuple[Resolved, ...],
    generation: int,
    updated_at: str,
) -> None:
    """Write what a bundle resolves to, and when that came to be."""
    values = {
        "id": bundle.id,
        "parts": codec.dump_parts(parts),
        "resolved": all(part.version is not None for part in parts),
        "generation": generation,
        "updated_at": updated_at,
    }
    database.execute_many(_WRITE, [values])


def _bundle(row: Row) -> Bundle:
    values: dict[str, Any] = dict(row)
    values["parts"] = codec.parse_parts(row["parts"])
    return Bundle(**values)
