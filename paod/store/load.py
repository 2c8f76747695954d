"""What the next sync starts from, read back exactly as it was applied."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Final

from paod.catalog.index import claimants_of, referrers_of
from paod.catalog.resolution import all_findings, parts
from paod.database import Row
from paod.model import Catalog, Document, Entry, Identity, Key, Kind, Resolved, Served, Stored
from paod.store import codec
from paod.store.base import Base
from paod.store.files import read_files
from paod.store.overlay import branch_rows
from paod.store.published import StoredPublications
from paod.store.recorded import open_counts
from paod.store.tables import KINDS, of_kind

_ENTRIES: Final = """
SELECT id, name, version, is_active, on_line, revision, source_file_path, source_file_hash,
       content_hash, commit_hash, commit_author, commit_time, commit_subject,
       outline, former_names, warning, content, stale_since, stale_problems {parts}
FROM {entries}
"""
_HEAD: Final = "SELECT commit_hash FROM catalog_head"
_ALIASES: Final = "SELECT kind, name, target FROM catalog_aliases"


class Loading(Base):
    """Rebuilds the fold's catalog from its tables."""

    def load(self) -> Stored:
        """Return the catalog, every row's identity, and how many problems are open."""
        with self.database.snapshot():
            branch = branch_rows(self.database)
            rows = [(kind, row) for kind in KINDS for row in self._entries(kind, branch)]
            entries = {entry.key: entry for entry in _on_line(rows)}
            documents = {key: entry.document for key, entry in entries.items()}
            files = read_files(self.database, documents)
            aliases = {
                (row["kind"], row["name"]): row["target"] for row in self.database.query(_ALIASES)
            }
            commit = self.database.query(_HEAD)[0]["commit_hash"]
            errors, warnings = open_counts(self.database)
        pinned = {row["name"] for kind, row in rows if kind == "item" and row["id"] in branch}
        catalog = Catalog(
            commit=commit,
            files=files,
            entries=entries,
            aliases=aliases,
            claimants=claimants_of(files.values()),
            referrers=referrers_of(entries.values()),
            published=StoredPublications(self.database),
        )
        identities = {_key(kind, row): _identity(row) for kind, row in rows}
        catalog = replace(catalog, findings=all_findings(catalog))
        served = dict(_served(catalog, rows, pinned))
        return Stored(catalog, identities, served, errors, warnings)

    def settled(self, applied: Stored) -> Stored:
        """Return what was just applied, or read, as the next sync starts from it.

        What was published is asked for again when that needs it, and not held until then.
        """
        published = StoredPublications(self.database)
        return replace(applied, catalog=replace(applied.catalog, published=published))

    def _entries(self, kind: Kind, branch: Mapping[int, Row]) -> list[Row]:
        """Return the rows of a kind as the branch has them: the fold knows nothing of pins."""
        rows = self.database.query(of_kind(kind, _ENTRIES))
        if kind == "bundle" or not branch:
            return rows
        return [row | branch.get(row["id"], {}) for row in rows]


def _served(
    catalog: Catalog, rows: list[tuple[Kind, Row]], pinned: Collection[str]
) -> Iterator[tuple[Key, Served]]:
    """Yield what readers were told of the active entries beyond their documents.

    What a bundle's part resolves to is told of the pinned item: it is as the branch has it here.
    """
    for kind, row in rows:
        if not (row["on_line"] and row["is_active"]):
            continue
        stale = None if row["stale_since"] is None else (row["stale_since"], row["stale_problems"])
        told = _parts(catalog, row, pinned) if kind == "bundle" else None
        if stale is not None or told is not None:
            yield _key(kind, row), Served(stale, told)


def _parts(catalog: Catalog, row: Row, pinned: Collection[str]) -> tuple[Resolved, ...]:
    told = codec.parse_parts(row["parts"])
    if not any(part.name in pinned for part in told):
        return told
    now = parts(catalog, ("bundle", row["name"])) or ()
    return tuple(
        branch if part.name in pinned else part for part, branch in zip(told, now, strict=True)
    )


def _on_line(rows: list[tuple[Kind, Row]]) -> Iterator[Entry]:
    for kind, row in rows:
        if row["on_line"]:
            yield _entry(kind, row)


def _key(kind: Kind, row: Row) -> Key:
    return kind, row["name"]


def _identity(row: Row) -> Identity:
    return Identity(row["revision"], bool(row["is_active"]))


def _entry(kind: Kind, row: Row) -> Entry:
    return Entry(
        document=_document(kind, row),
        path=row["source_file_path"],
        commit=codec.parse_commit(row),
        active=bool(row["is_active"]),
        warning=codec.parse_problem(row["warning"]),
        former_names=frozenset(codec.parse(row["former_names"])),
    )


def _document(kind: Kind, row: Row) -> Document:
    return codec.parse_document(
        kind,
        row["name"],
        row["version"],
        row["content"],
        row["content_hash"],
        row["source_file_hash"],
        row["outline"],
    )
