"""The SQLite that sqlite-utils chose: ``pysqlite3`` with its newer SQLite where it is installed.

SQLite before 3.51.3 can lose committed pages when two connections write and checkpoint at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
else:
    from sqlite_utils.utils import sqlite3

__all__ = ["sqlite3", "sqlite_version", "statements"]


def sqlite_version() -> tuple[int, int, int]:
    """Return the version of the SQLite that is used."""
    major, minor, patch = map(int, sqlite3.sqlite_version.split(".")[:3])
    return major, minor, patch


def statements(sql: str) -> Iterator[str]:
    """Split a script into its statements, each of which ends at the end of a line.

    SQLite's own ``executescript`` would first commit the transaction that is open.
    """
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if line.rstrip().endswith(";") and sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if any(not line.lstrip().startswith("--") for line in statement.splitlines() if line.strip()):
        yield statement
