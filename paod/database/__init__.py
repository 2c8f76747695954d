"""The database under the store: four verbs on any database, and the few that truly differ.

This room knows connections, transactions and drivers' errors. It knows no table of the catalog:
all SQL stands in the store. No other module may import a database driver.
"""

from paod.database.driver import sqlite_version
from paod.database.opening import open_database
from paod.database.protocol import Database, Params, Row, Table
from paod.database.sqlite import SQLiteDatabase
from paod.database.sqlite_file import put_in_place

__all__ = [
    "Database",
    "Params",
    "Row",
    "SQLiteDatabase",
    "Table",
    "open_database",
    "put_in_place",
    "sqlite_version",
]
