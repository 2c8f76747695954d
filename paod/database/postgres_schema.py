"""Whether a server is one that paod can use, and whether the schema is paod's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from paod.database.protocol import Row
from paod.errors import MigrationError

OLDEST_SERVER: Final = 130_000

_SERVER: Final = """
SELECT current_setting('server_version_num')::int AS version,
       current_setting('server_encoding') AS encoding, current_schema() AS schema
"""
_LEDGER: Final = """
SELECT column_name AS name FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name = 'schema_migrations'
"""
_OTHERS: Final = """
SELECT COUNT(*) AS found FROM pg_class AS thing
WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')
  AND NOT EXISTS (SELECT 1 FROM pg_depend WHERE objid = thing.oid AND deptype = 'e')
"""
"""Tables of a schema, but those of extensions."""
_NUMBER: Final = "SELECT COALESCE(MAX(number), 0) AS number FROM schema_migrations"

Query = Callable[[str], list[Row]]


def check_server(query: Query) -> None:
    """Raise ``MigrationError`` where a catalog cannot be kept."""
    server = query(_SERVER)[0]
    if server["version"] < OLDEST_SERVER:
        raise MigrationError("the database server is older than PostgreSQL 13", "upgrade it")
    if server["encoding"] != "UTF8":
        raise MigrationError(
            f"the database has the encoding {server['encoding']}",
            "make one with ENCODING 'UTF8'",
        )
    if server["schema"] is None:
        raise MigrationError(
            "no schema of the search path is there for the role of PAO_DB_URL",
            "make one of its name: CREATE SCHEMA paod AUTHORIZATION paod",
        )


def schema_number(query: Query) -> int:
    """Return the number of the last migration; raise where the tables are another program's."""
    columns = {row["name"] for row in query(_LEDGER)}
    if not columns and not query(_OTHERS)[0]["found"]:
        return 0
    if not {"number", "name", "applied_at"} <= columns:
        raise MigrationError(
            "the schema belongs to another program; it was left as it is",
            "give paod a schema of its own: CREATE SCHEMA paod AUTHORIZATION paod",
        )
    return int(query(_NUMBER)[0]["number"])
