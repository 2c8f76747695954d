"""Pins, laid over the rows of the items that they hold, and lifted off again.

The fold knows nothing of pins. A row of ``catalog_items`` holds what readers are served; while it
is pinned, what the branch says stands in ``catalog_item_pins`` instead. A sync lifts every pin,
writes what the branch says, and lays the pins again, in its one transaction. So reading costs the
same with and without pins, and a released item is what it would be had it never been pinned.

A pin holds what an item says, and that it is served. Its name is the branch's: two rows can never
want the same one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import orjson

from paod.catalog.resolution import resolve
from paod.database import Database, Row
from paod.model import CatalogChange, Plan, PlannedEntry, Resolved
from paod.store import codec
from paod.store.parts import (
    Bundle,
    bundles_before,
    bundles_now,
    write_parts,
)
from paod.store.writing import said_columns, write_found_by

COVERED: Final = (
    *("version", "description", "owner", "tags", "category", "is_active", "stale_since"),
    *("stale_problems", "revision", "generation", "source_file_path", "source_file_hash"),
    *("content_hash", "commit_hash", "commit_author", "commit_time", "commit_subject"),
    *("updated_at", "removed_at", "search_text", "presentation", "fulfillment", "content"),
)
"""The columns of which a pinned row holds what is served."""

PINNED: Final = """
SELECT item_id, pin_revision, id, name, generation, updated_at, version
FROM catalog_item_pins JOIN catalog_items ON id = item_id ORDER BY item_id
"""
_BRANCH_ROWS: Final = "SELECT item_id, branch_row FROM catalog_item_pins"
_BRANCH_ROW: Final = f"{_BRANCH_ROWS} WHERE item_id = :id"
_COVERED_ROW: Final = f"SELECT name, {', '.join(COVERED)} FROM catalog_items WHERE id = :id"  # noqa: S608 built from constants
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
    """The pins, for one transaction that writes what a plan says of the branch.

    Lifted are those that the plan touches. ``visible``: readers see a difference, pins considered.
    """

    def __init__(self, database: Database, plan: Plan, pinned: Iterable[Row]) -> None:
        """``pinned``: the rows that ``PINNED`` asked for."""
        self._database = database
        self._plan = plan
        before = {row["name"]: _laid(row) for row in pinned}
        self._moves = {
            one.row[1]: one.entry.document.name
            for one in plan.entries
            if one.row is not None and one.row[0] == "item" and one.row[1] in before
        }
        self._pinned = {self._moves.get(name, name): laid for name, laid in before.items()}
        self._renamed = {name for name, now in self._moves.items() if now != name}
        self._names = self._pinned.keys() | self._renamed
        self._bundles = self._bundles_before() if self._pinned else {}
        self.visible = self._is_visible()

    def lift(self) -> None:
        """Give the pinned rows that the plan touches back what the branch says."""
        _lift(self._database, [self._pinned[name].id for name in self._moves.values()])

    def lay(self, generation: int, now: str) -> tuple[CatalogChange, ...]:
        """Lay the pins again; return the lines of the feed: what readers see of the plan.

        ``generation`` and ``now`` are the transaction's.
        """
        if not self._pinned:
            return self._plan.changes
        laid = [
            self._pinned[name]
            if former == name
            else replace(self._pinned[name], generation=generation, updated_at=now)
            for former, name in self._moves.items()
        ]
        marks = [(one.id, one.revision, one.generation, one.updated_at) for one in laid]
        _lay(self._database, marks)
        moved, unmoved = self._resolve(generation, now)
        told = {one.name for one in self._plan.changes if one.kind == "bundle"}
        touched = set(self._moves.values())
        return (
            *(_resolution(bundle) for bundle in moved if bundle.name not in told),
            *(
                change
                for change in self._plan.changes
                if not (change.kind == "item" and change.name in touched)
                and not (change.kind == "bundle" and change.name in unmoved)
            ),
            *(self._rename(former, self._moves[former]) for former in sorted(self._renamed)),
        )

    def _rename(self, former: str, name: str) -> CatalogChange:
        """Return what readers are told of a pin: all the branch can do to it is to rename it."""
        laid = self._pinned[name]
        return CatalogChange("item", name, "renamed", laid.version, laid.revision, former)

    def _bundles_before(self) -> dict[int, Bundle]:
        """Return the bundles of which a pin decides something, as readers see them until now."""
        renamed = self._renamed | {self._moves[name] for name in self._renamed}
        parts_of = [one for one in self._plan.entries if self._is_pinned_part(one)]
        named = [one.row[1] for one in parts_of if one.row is not None]
        return bundles_before(self._database, renamed, named)

    def _is_pinned_part(self, planned: PlannedEntry) -> bool:
        return any(part.name in self._names for part in planned.served.parts or ())

    def _is_visible(self) -> bool:
        plan = self._plan
        revised = {one.entry for one in plan.revisions}
        before = {bundle.name: bundle for bundle in self._bundles.values()}
        return bool(plan.aliases or self._renamed) or any(
            self._sees(one, one.entry.key in revised, before) for one in plan.entries
        )

    def _sees(self, planned: PlannedEntry, revised: bool, before: Mapping[str, Bundle]) -> bool:
        """Return whether readers see a difference: of a pinned item, that its history grew."""
        if planned.row is not None and planned.row[0] == "item" and planned.row[1] in self._moves:
            return revised
        if planned.row is None or not (planned.visible and planned.parts_only):
            return planned.visible
        bundle = before.get(planned.row[1]) if planned.row[0] == "bundle" else None
        return bundle is None or self._with_pins(planned.served.parts or ()) != bundle.parts

    def _with_pins(self, parts: tuple[Resolved, ...]) -> tuple[Resolved, ...]:
        """Return what a bundle's parts resolve to among the pins, from what the branch says."""
        return tuple(
            resolve(
                part.name,
                part.range,
                version=self._pinned[part.name].version,
                follower=None,
                removed=False,
            )
            if part.name in self._pinned
            else part
            for part in parts
        )

    def _resolve(self, generation: int, now: str) -> tuple[list[Bundle], set[str]]:
        """Resolve bundles against the pins.

        Return those that resolve otherwise than before, and the names of those whose parts alone
        changed on the branch, of which readers see no change: they are as they were.
        """
        only = {one.entry.key for one in self._plan.entries if one.parts_only}
        moved, unmoved = [], set[str]()
        names = {one.entry.document.name for one in self._plan.entries if self._is_pinned_part(one)}
        bundles, served = bundles_now(self._database, self._bundles, names, self._names)
        for bundle in bundles.values():
            parts = served.parts(bundle)
            before = self._bundles.get(bundle.id)
            if before is not None and before.parts == parts:
                same = ("bundle", bundle.name) in only
                if same:
                    unmoved.add(bundle.name)
                made = before if same else bundle
                if parts != bundle.parts or same:
                    write_parts(self._database, bundle, parts, made.generation, made.updated_at)
            else:
                moved.append(bundle)
                write_parts(self._database, bundle, parts, generation, now)
        return moved, unmoved


def branch_rows(database: Database) -> Mapping[int, Row]:
    """Return what the branch says of the pinned rows, by their ids."""
    rows = database.query(_BRANCH_ROWS)
    return {row["item_id"]: codec.parse(row["branch_row"]) for row in rows}


def lift(database: Database, item_id: int) -> Row:
    """Give one pinned row back what the branch says, and return it."""
    return _lift(database, [item_id])[item_id]


def _lift(database: Database, ids: Iterable[int]) -> dict[int, Row]:
    """Give pinned rows back what the branch says, and return that by their ids."""
    answers = database.query_all([(_BRANCH_ROW, {"id": one}) for one in ids])
    branch = {row["item_id"]: codec.parse(row["branch_row"]) for (row,) in answers}
    _write(database, branch)
    return branch


def lay(database: Database, item_id: int, revision: int, generation: int, updated_at: str) -> None:
    """Keep what a row holds as what the branch says, and write a revision in its place."""
    _lay(database, [(item_id, revision, generation, updated_at)])


def _lay(database: Database, pins: Sequence[tuple[int, int, int, str]]) -> None:
    """Do so for pins: each a row's id, the revision, and the marks that its row gets."""
    rows = [(_COVERED_ROW, {"id": item_id}) for item_id, *_ in pins]
    revisions = [(_REVISION, {"id": one[0], "revision": one[1]}) for one in pins]
    found = [one[0] for one in database.query_all([*rows, *revisions])]
    kept, served = [], {}
    for place, (item_id, revision, generation, updated_at) in enumerate(pins):
        row = found[place]
        said = {column: row[column] for column in COVERED}
        kept.append({"id": item_id, "branch_row": codec.dump(said)})
        served[item_id] = _served(found[len(pins) + place], row["name"], revision) | {
            "generation": generation,
            "updated_at": updated_at,
        }
    if kept:
        database.execute_many(_KEEP, kept)
    _write(database, served)


def _served(found: Row, name: str, revision: int) -> Row:
    """Return a revision as a row that is served, under the name that the item has now."""
    content = orjson.loads(found["content"])
    text = found["content"]
    if found["name"] != name:
        content["name"] = name
        text = orjson.dumps(content, option=orjson.OPT_SORT_KEYS).decode()
        found = {**found, "content_hash": hashlib.sha256(text.encode()).hexdigest()}
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


def _write(database: Database, rows: Mapping[int, Mapping[str, Any]]) -> None:
    """Write what rows are to hold, by their ids."""
    written = [
        {column: values[column] for column in COVERED} | {"id": item_id}
        for item_id, values in rows.items()
    ]
    if written:
        database.execute_many(_SET, written)
        write_found_by(database, "item", written, new=False)


def _laid(row: Row) -> Laid:
    figures = (row["pin_revision"], row["version"], row["generation"], row["updated_at"])
    return Laid(row["id"], row["name"], *figures)


def _resolution(bundle: Bundle) -> CatalogChange:
    return CatalogChange("bundle", bundle.name, "resolution", bundle.version, bundle.revision)
