"""The changes feed, written: what each generation changed for readers, line by line."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from paod.database import Database
from paod.model import CatalogChange

_CHANGE: Final = """
INSERT INTO catalog_changes (
    generation, position, kind, name, change, version, revision, renamed_from
) VALUES (:generation, :position, :kind, :name, :change, :version, :revision, :renamed_from)
"""


def write_changes(database: Database, changes: Iterable[CatalogChange], generation: int) -> None:
    """Write the lines of a new generation, in order."""
    rows = [
        {
            "generation": generation,
            "position": position,
            "kind": change.kind,
            "name": change.name,
            "change": change.change,
            "version": change.version,
            "revision": change.revision,
            "renamed_from": change.renamed_from,
        }
        for position, change in enumerate(changes)
    ]
    if rows:
        database.execute_many(_CHANGE, rows)
