"""The SQLite that sqlite-utils chose: ``pysqlite3`` with its newer SQLite where it is installed.

SQLite before 3.51.3 can lose committed pages when two connections write and checkpoint at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3
else:
    from sqlite_utils.utils import sqlite3

__all__ = ["sqlite3"]
