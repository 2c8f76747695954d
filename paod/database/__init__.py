"""The database under the store: four verbs on any database, and the few that truly differ.

This room knows connections, transactions and drivers' errors. It knows no table of the catalog:
all SQL stands in the store. No other module may import a database driver.
"""

from paod.database.copies import copy_database, damage_of, objects_of, put_in_place
from paod.database.driver import sqlite_version
from paod.database.opening import open_database
from paod.database.protocol import Database, Params, Password, Row, Table, no_password
from paod.database.sqlite import SQLiteDatabase
from paod.database.sqlite_file import check as check_file
from paod.database.sqlite_file import exists as file_exists

__all__ = [
    "Database",
    "Params",
    "Password",
    "Row",
    "SQLiteDatabase",
    "Table",
    "check_file",
    "copy_database",
    "damage_of",
    "file_exists",
    "no_password",
    "objects_of",
    "open_database",
    "put_in_place",
    "sqlite_version",
]
