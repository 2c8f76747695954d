"""Every file under the root as the fold left it, so that the next fold goes on from there.

A file's document is mostly the one that its entry serves, to the letter: then only that is noted
(``held``). Where merely its places differ (a comment moved lines) its outline is kept here, and
where its content waits or was refused, that too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from paod.database import Database
from paod.model import Catalog, Document, ExaminedFile, FileState, Key, Plan
from paod.store import codec
from paod.store.tables import upsert

NO_DOCUMENT: Final = "none"
AS_SERVED: Final = "entry"
SAME_CONTENT: Final = "content"
OWN: Final = "own"

_COLUMNS: Final = (
    *("path", "oid", "commit_hash", "name", "serves_kind", "serves_name", "stale_since"),
    *("held", "refusal", "problems", "outline", "content", "units"),
)
_PUT: Final = upsert("catalog_files", "path", _COLUMNS)
_DROP: Final = "DELETE FROM catalog_files WHERE path = :path"
_ALL: Final = "SELECT * FROM catalog_files"


def write_files(database: Database, plan: Plan) -> None:
    """Write the files of a plan, and those whose entry changed: they may lean on its row."""
    gone = [{"path": path} for path, state in plan.files.items() if state is None]
    states = {path: state for path, state in plan.files.items() if state is not None}
    for planned in plan.entries:
        state = plan.catalog.files.get(planned.entry.path)
        if state is not None:
            states[state.path] = state
    if gone:
        database.execute_many(_DROP, gone)
    if states:
        database.execute_many(_PUT, [_row(state, plan.catalog) for state in states.values()])


def read_files(database: Database, served: Mapping[Key, Document]) -> dict[str, FileState]:
    """Return every file by its path; ``served`` are the documents of the entries."""
    return {row["path"]: _state(row, served) for row in database.query(_ALL)}


def _row(state: FileState, catalog: Catalog) -> dict[str, Any]:
    document = state.file.document
    entry = None if state.serves is None else catalog.entries[state.serves]
    held = _held(document, None if entry is None else entry.document)
    kind, name = state.serves or (None, None)
    return {
        "path": state.path,
        "oid": state.file.oid,
        "commit_hash": state.commit,
        "name": state.file.name,
        "serves_kind": kind,
        "serves_name": name,
        "stale_since": state.stale_since,
        "held": held,
        "refusal": codec.dump_problem(state.refusal),
        "problems": codec.dump_problems(state.file.problems),
        "outline": None if held in (NO_DOCUMENT, AS_SERVED) else _facts(document),
        "content": document.content if document is not None and held == OWN else None,
        "units": state.file.units,
    }


def _held(document: Document | None, served: Document | None) -> str:
    if document is None:
        return NO_DOCUMENT
    if document == served:
        return AS_SERVED
    same = served is not None and document.content == served.content
    return SAME_CONTENT if same else OWN


def _facts(document: Document | None) -> str | None:
    if document is None:
        return None
    facts = (document.kind, document.name, document.version)
    hashes = (document.content_hash, document.source_hash)
    return codec.dump([*facts, *hashes, codec.dump_outline(document)])


def _state(row: Mapping[str, Any], served: Mapping[Key, Document]) -> FileState:
    serves = None if row["serves_kind"] is None else (row["serves_kind"], row["serves_name"])
    document = _document(row, None if serves is None else served[serves])
    problems = codec.parse_problems(row["problems"])
    return FileState(
        path=row["path"],
        file=ExaminedFile(row["oid"], document, problems, row["name"], row["units"]),
        commit=row["commit_hash"],
        serves=serves,
        stale_since=row["stale_since"],
        refusal=codec.parse_problem(row["refusal"]),
    )


def _document(row: Mapping[str, Any], served: Document | None) -> Document | None:
    if row["held"] == NO_DOCUMENT:
        return None
    if row["held"] == AS_SERVED:
        return served
    kind, name, version, content_hash, source_hash, outline = codec.parse(row["outline"])
    content = row["content"] if served is None or row["held"] == OWN else served.content
    return codec.parse_document(kind, name, version, content, content_hash, source_hash, outline)
