"""Pins, laid over the rows of the items that they hold, and lifted off again.

The fold knows nothing of pins. A row of ``catalog_items`` holds what readers are served; while it
is pinned, what the branch says stands in ``catalog_item_pins`` instead. A sync lifts every pin,
writes what the branch says, and lays the pins again, in its one transaction. So reading costs the
same with and without pins, and a released item is what it would be had it never been pinned.

A pin holds what an item says, and that it is served. Its name is the branch's: two rows can never
want the same one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from paod.database import Database, Row
from paod.model import CatalogChange
from paod.store import codec
from paod.store.parts import bundles_with, served_parts, write_parts
from paod.store.writing import said_columns, write_found_by

COVERED: Final = (
    *("version", "description", "owner", "tags", "category", "is_active", "stale_since"),
    *("stale_problems", "revision", "generation", "source_file_path", "source_file_hash"),
    *("content_hash", "commit_hash", "commit_author", "commit_time", "commit_subject"),
    *("updated_at", "removed_at", "search_text", "presentation", "fulfillment", "content"),
)
"""The columns of which a pinned row holds what is served."""

_PINNED: Final = """
SELECT item_id, pin_revision, branch_row, id, name, generation, updated_at, version
FROM catalog_item_pins JOIN catalog_items ON id = item_id ORDER BY item_id
"""
_BRANCH_ROWS: Final = "SELECT item_id, branch_row FROM catalog_item_pins"
_COVERED_ROW: Final = f"SELECT {', '.join(COVERED)} FROM catalog_items WHERE id = :id"  # noqa: S608 built from constants
_NAME: Final = "SELECT name FROM catalog_items WHERE id = :id"
_KEEP: Final = "UPDATE catalog_item_pins SET branch_row = :branch_row WHERE item_id = :id"
_REVISION: Final = """
SELECT name, version, category, source_file_path, source_file_hash, content_hash, commit_hash,
       commit_author, commit_time, commit_subject, content
FROM catalog_item_versions WHERE item_id = :id AND revision = :revision
"""
_SET: Final = (
    f"UPDATE catalog_items SET {', '.join(f'{name} = :{name}' for name in COVERED)} WHERE id = :id"  # noqa: S608 built from constants
)


@dataclass(frozen=True, slots=True)
class Laid:
    """A pinned row as readers see it: ``generation`` and ``updated_at`` are of the pin."""

    id: int
    name: str
    revision: int
    version: str
    generation: int
    updated_at: str


class Overlay:
    """All pins, for one transaction that writes what the branch says."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._laid = [_laid(row) for row in database.query(_PINNED)]
        names = [laid.name for laid in self._laid]
        self._bundles = bundles_with(database, names)

    def lift(self) -> None:
        """Give every pinned row back what the branch says."""
        for laid in self._laid:
            lift(self._database, laid.id)

    def lay(
        self, changes: Iterable[CatalogChange], generation: int, now: str
    ) -> tuple[CatalogChange, ...]:
        """Lay the pins again; return those of the branch's changes that readers see.

        ``generation`` and ``now`` are the transaction's.
        """
        if not self._laid:
            return tuple(changes)
        changes = tuple(changes)
        pinned = {
            laid.name: laid for laid in [self._lay(one, generation, now) for one in self._laid]
        }
        resolved = {one.name for one in changes if one.change == "resolution"}
        unmoved = self._resolve(pinned.keys(), resolved)
        return tuple(_seen(changes, pinned, unmoved))

    def _lay(self, laid: Laid, generation: int, now: str) -> Laid:
        """Lay one pin again. All that the branch can do to what is served is to rename it."""
        name = name_of(self._database, laid.id)
        if name != laid.name:
            laid = replace(laid, name=name, generation=generation, updated_at=now)
        lay(self._database, laid.id, laid.revision, laid.generation, laid.updated_at)
        return laid

    def _resolve(self, names: Collection[str], resolved: Collection[str]) -> set[str]:
        """Resolve bundles against the pins.

        Return those of ``resolved``, whose parts alone changed on the branch, of which readers see
        no change: they are as they were.
        """
        unmoved = set()
        for bundle in bundles_with(self._database, names).values():
            parts = served_parts(self._database, bundle, names)
            before = self._bundles.get(bundle.id)
            if bundle.name in resolved and before is not None and before.parts == parts:
                unmoved.add(bundle.name)
                write_parts(self._database, bundle, parts, before.generation, before.updated_at)
            elif parts != bundle.parts:
                write_parts(self._database, bundle, parts, bundle.generation, bundle.updated_at)
        return unmoved


def branch_rows(database: Database) -> Mapping[int, Row]:
    """Return what the branch says of the pinned rows, by their ids."""
    rows = database.query(_BRANCH_ROWS)
    return {row["item_id"]: codec.parse(row["branch_row"]) for row in rows}


def lift(database: Database, item_id: int) -> Row:
    """Give one pinned row back what the branch says, and return it."""
    branch = branch_rows(database)[item_id]
    _write(database, item_id, branch)
    return branch


def lay(database: Database, item_id: int, revision: int, generation: int, updated_at: str) -> None:
    """Keep what a row holds as what the branch says, and write a revision in its place."""
    kept = database.query(_COVERED_ROW, {"id": item_id})[0]
    database.execute(_KEEP, {"id": item_id, "branch_row": codec.dump(kept)})
    found = database.query(_REVISION, {"id": item_id, "revision": revision})[0]
    served = _served(found, name_of(database, item_id), revision)
    _write(database, item_id, served | {"generation": generation, "updated_at": updated_at})


def name_of(database: Database, item_id: int) -> str:
    """Return the name of a row: it is the branch's, pinned or not."""
    name: str = database.query(_NAME, {"id": item_id})[0]["name"]
    return name


def _served(found: Row, name: str, revision: int) -> Row:
    """Return a revision as a row that is served, under the name that the item has now."""
    content = orjson.loads(found["content"])
    text = found["content"]
    if found["name"] != name:
        content["name"] = name
        text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()
    row = {column: value for column, value in found.items() if column in COVERED}
    return {
        **row,
        **said_columns(name, content),
        "content": text,
        "revision": revision,
        "is_active": True,
        "stale_since": None,
        "stale_problems": None,
        "removed_at": None,
    }


def _write(database: Database, item_id: int, values: Mapping[str, Any]) -> None:
    row = {column: values[column] for column in COVERED} | {"id": item_id}
    database.execute(_SET, row)
    write_found_by(database, "item", [row], new=False)


def _laid(row: Row) -> Laid:
    figures = (row["pin_revision"], row["version"], row["generation"], row["updated_at"])
    return Laid(row["id"], row["name"], *figures)


def _seen(
    changes: Iterable[CatalogChange], pinned: Mapping[str, Laid], unmoved: set[str]
) -> Iterator[CatalogChange]:
    for change in changes:
        laid = pinned.get(change.name) if change.kind == "item" else None
        if laid is not None and change.renamed_from is not None:  # whatever else it was there
            served = (laid.version, laid.revision)
            yield replace(change, change="renamed", version=served[0], revision=served[1])
        elif laid is None and not (change.change == "resolution" and change.name in unmoved):
            yield change
