"""Entries and their revisions, written as a plan says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from paod.database import Database, Params, Row
from paod.model import Catalog, Entry, Kind, Plan, PlannedEntry, PlannedRevision
from paod.paths import category_of
from paod.store import codec
from paod.store.tables import KINDS, entries_table, of_kind, upsert
from paod.store.words import search_text

_COMMON: Final = (
    *("name", "version", "description", "owner", "tags", "category", "is_active", "on_line"),
    *("stale_since", "stale_problems", "revision", "generation", "source_file_path"),
    *("source_file_hash", "content_hash", "commit_hash", "commit_author", "commit_time"),
    *("commit_subject", "created_at", "updated_at", "removed_at", "outline"),
    "former_names",
    *("warning", "search_text", "presentation", "content"),
)
_OWN: Mapping[Kind, tuple[str, ...]] = {
    "item": ("fulfillment",),
    "bundle": ("resolved", "parts", "required_items", "optional_items"),
}
_REVISION: Final = (
    *("revision", "change", "name", "version", "renamed_from", "category", "source_file_path"),
    *("source_file_hash", "content_hash", "commit_hash", "commit_author", "commit_time"),
    *("commit_subject", "generation", "sync_id", "created_at", "content"),
)
# A row that readers see no difference in comes with generation 0, and keeps its own.
_NEWER = "CASE WHEN excluded.generation > 0 THEN excluded.{0} ELSE {1}.{0} END"
_REMOVED = (
    "CASE WHEN excluded.removed_at IS NULL OR {0}.removed_at IS NULL"
    " THEN excluded.removed_at ELSE {0}.removed_at END"
)
_PARK = "UPDATE {entries} SET name = :parked WHERE name = :name"
_UNPARK = "UPDATE {entries} SET name = :name WHERE name = :parked"
_ID = "(SELECT id FROM {entries} WHERE name = :entry)"
_UNTAG = "DELETE FROM {tags} WHERE {entry_id} = :id"
_TAG = "INSERT INTO {tags} ({entry_id}, tag) VALUES (:id, :tag)"
_ONE_ID = "SELECT id, name FROM {entries} WHERE name = :name"
_ALL_IDS = "SELECT id, name FROM {entries}"
_MANY: Final = 500
_REVISE = " ".join(
    [
        f"INSERT INTO {{versions}} ({{entry_id}}, {', '.join(_REVISION)})",
        f"VALUES ({_ID}, {', '.join(f':{name}' for name in _REVISION)})",
    ]
)


def _upsert(kind: Kind) -> str:
    table = entries_table(kind)
    special = {name: _NEWER.format(name, table) for name in ("generation", "updated_at")}
    special["removed_at"] = _REMOVED.format(table)
    return upsert(table, "name", (*_COMMON, *_OWN[kind]), kept=("created_at",), special=special)


_UPSERT: Mapping[Kind, str] = {kind: _upsert(kind) for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Writing:
    """One sync's marks, as its rows carry them. ``root``: the catalog's folder."""

    sync_id: int
    generation: int
    now: str
    root: str


def write_entries(database: Database, plan: Plan, writing: Writing) -> None:
    """Write every planned row and revision of a plan."""
    written = {}
    for kind in KINDS:
        planned = [one for one in plan.entries if one.entry.document.kind == kind]
        if planned:
            _rename(database, kind, planned)
            written[kind] = planned, [_row(one, plan.catalog, writing) for one in planned]
            database.execute_many(_UPSERT[kind], written[kind][1])
    ids = _ids(database, {kind: planned for kind, (planned, _) in written.items()})
    for kind, (planned, rows) in written.items():
        _write_found_by(database, kind, planned, rows, ids[kind])
    for kind in KINDS:
        revisions = [one for one in plan.revisions if one.entry[0] == kind]
        if revisions:
            rows = [_revision_row(one, writing) for one in revisions]
            database.execute_many(of_kind(kind, _REVISE), rows)


def _rename(database: Database, kind: Kind, planned: Iterable[PlannedEntry]) -> None:
    """Give rows their new names: all old ones are freed first, as two rows may swap them."""
    names = [
        {"parked": f"/{one.row[1]}", "from": one.row[1], "to": one.entry.document.name}
        for one in planned
        if one.row is not None and one.row[1] != one.entry.document.name
    ]
    parked = [{"parked": name["parked"], "name": name["from"]} for name in names]
    freed = [{"parked": name["parked"], "name": name["to"]} for name in names]
    if names:
        database.execute_many(of_kind(kind, _PARK), parked)
        database.execute_many(of_kind(kind, _UNPARK), freed)


def _row(planned: PlannedEntry, catalog: Catalog, writing: Writing) -> dict[str, Any]:
    entry, document = planned.entry, planned.entry.document
    stale_since, stale_problems = planned.served.stale or (None, None)
    return _document_columns(entry, writing.root) | {
        "is_active": entry.active,
        "on_line": entry.key in catalog.entries,
        "stale_since": stale_since,
        "stale_problems": stale_problems,
        "revision": planned.revision,
        "generation": writing.generation if planned.visible else 0,
        "created_at": writing.now,
        "updated_at": writing.now,
        "removed_at": None if entry.active else writing.now,
        "outline": codec.dump_outline(document),
        "former_names": codec.dump(sorted(entry.former_names)),
        "warning": codec.dump_problem(entry.warning),
        "resolved": planned.served.resolved,
        "parts": codec.dump_parts(planned.served.parts),
    }


def _document_columns(entry: Entry, root: str) -> dict[str, Any]:
    document = entry.document
    return said_columns(document.name, orjson.loads(document.content)) | {
        "name": document.name,
        "version": document.version,
        "category": category_of(entry.path, root),
        "source_file_path": entry.path,
        "source_file_hash": document.source_hash,
        "content_hash": document.content_hash,
        "commit_hash": entry.commit.hash,
        "commit_author": entry.commit.author,
        "commit_time": entry.commit.time,
        "commit_subject": entry.commit.subject,
        "content": document.content,
    }


def said_columns(name: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the columns that tell what a document says of itself, for either kind."""
    tags = list(dict.fromkeys(content.get("tags", ())))
    description = content.get("description", "")
    bundle = content.get("bundle", {})
    return {
        "description": description,
        "owner": content.get("owner", ""),
        "tags": codec.dump(tags),
        "search_text": search_text(name, description, tags),
        "presentation": codec.dump_or_none(content.get("presentation")),
        "fulfillment": codec.dump_or_none(content.get("fulfillment")),
        "required_items": codec.dump_or_none(bundle.get("required_items")),
        "optional_items": codec.dump_or_none(bundle.get("optional_items")),
    }


def _write_found_by(
    database: Database,
    kind: Kind,
    planned: Sequence[PlannedEntry],
    rows: Sequence[Row],
    ids: Mapping[str, int],
) -> None:
    for new in (True, False):
        chosen = [
            row | {"id": ids[row["name"]]}
            for one, row in zip(planned, rows, strict=True)
            if (one.row is None) == new
        ]
        if chosen:
            write_found_by(database, kind, chosen, new=new)


def write_found_by(database: Database, kind: Kind, rows: Sequence[Row], *, new: bool) -> None:
    """Write what rows are found by, their tags and words, in place of what it was.

    Each has its ``id``, ``tags`` and ``search_text``; ``new``: there was nothing.
    """
    _write_tags(database, kind, rows, new=new)
    found_by = [{"id": row["id"], "search_text": row["search_text"]} for row in rows]
    database.index_text(entries_table(kind), found_by, new=new)


def _ids(
    database: Database, written: Mapping[Kind, Sequence[PlannedEntry]]
) -> dict[Kind, dict[str, int]]:
    """Return the ids of rows by kind and name: each, or all of the table where that is less work.

    They are asked for at once, however many there are.
    """
    asked: list[tuple[Kind, str, Params | None]] = []
    for kind, planned in written.items():
        if len(planned) > _MANY:
            asked.append((kind, of_kind(kind, _ALL_IDS), None))
        else:
            names = [{"name": one.entry.document.name} for one in planned]
            asked += [(kind, of_kind(kind, _ONE_ID), name) for name in names]
    found: dict[Kind, dict[str, int]] = {kind: {} for kind in written}
    answers = database.query_all([(sql, params) for _, sql, params in asked])
    for (kind, _, _), rows in zip(asked, answers, strict=True):
        found[kind] |= {row["name"]: row["id"] for row in rows}
    return found


def _write_tags(database: Database, kind: Kind, rows: Sequence[Row], *, new: bool) -> None:
    if not new:
        database.execute_many(of_kind(kind, _UNTAG), [{"id": row["id"]} for row in rows])
    tags = [{"id": row["id"], "tag": tag} for row in rows for tag in codec.parse(row["tags"])]
    if tags:
        database.execute_many(of_kind(kind, _TAG), tags)


def _revision_row(planned: PlannedRevision, writing: Writing) -> dict[str, Any]:
    revision, document = planned.revision, planned.revision.document
    return {
        "entry": planned.entry[1],
        "revision": planned.number,
        "change": revision.change,
        "name": document.name,
        "version": document.version,
        "renamed_from": revision.renamed_from,
        "category": category_of(revision.path, writing.root),
        "source_file_path": revision.path,
        "source_file_hash": document.source_hash,
        "content_hash": document.content_hash,
        "commit_hash": revision.commit.hash,
        "commit_author": revision.commit.author,
        "commit_time": revision.commit.time,
        "commit_subject": revision.commit.subject,
        "generation": writing.generation,
        "sync_id": writing.sync_id,
        "created_at": writing.now,
        "content": document.content,
    }
