"""Whether a server is one that paod can use, and whether the schema is paod's."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

from paod.database.postgres_connection import SCHEMA, Connection
from paod.database.protocol import Row, Table
from paod.errors import MigrationError

OLDEST_SERVER: Final = 130_000

_SERVER: Final = """
SELECT current_setting('server_version_num')::int AS version,
       current_setting('server_encoding') AS encoding, current_schema() AS schema,
       current_setting('default_transaction_read_only') AS read_only
"""
_BACKEND: Final = "SELECT pg_backend_pid() AS backend"
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

_TABLES: Final = f"""
SELECT relname::text AS name, oid::bigint AS number FROM pg_class
WHERE relkind = 'r' AND relnamespace = {SCHEMA} ORDER BY oid
"""  # noqa: S608 built from constants
_COLUMNS: Final = """
SELECT CAST(attname AS text) AS name, format_type(atttypid, NULL) AS type FROM pg_attribute
WHERE attrelid = :number AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""
_KEY: Final = """
SELECT CAST(attribute.attname AS text) AS name
FROM pg_index AS key, unnest(CAST(key.indkey AS int[])) WITH ORDINALITY AS part(number, place),
     pg_attribute AS attribute
WHERE key.indrelid = :number AND key.indisprimary AND attribute.attrelid = key.indrelid
  AND attribute.attnum = part.number ORDER BY part.place
"""

Query = Callable[..., list[Row]]

logger = logging.getLogger("paod.database")


def check_sessions(connect: Callable[[], Connection]) -> None:
    """Raise ``MigrationError`` where something between gives a connection no session of its own.

    A pooler in transaction mode lends each transaction another session of the server: two
    connections then meet the same one, or one of them meets two.
    """
    with connect() as one, connect() as other:
        met: dict[Connection, set[int]] = {one: set(), other: set()}
        for asking in (one, other, one, one, other):
            row = asking.execute(_BACKEND, prepare=False).fetchone()
            met[asking].add(row["backend"] if row else 0)
    if any(len(sessions) > 1 for sessions in met.values()) or met[one] & met[other]:
        raise MigrationError(
            "PAO_DB_URL leads to a connection pooler in transaction mode: locks, news and settings"
            " belong to sessions, and there is none of our own",
            "let the pooler use session mode for paod (PgBouncer: pool_mode = session for the"
            " database or the user), or connect to the server directly",
        )


def check_server(query: Query, *, writes: bool) -> None:
    """Raise ``MigrationError`` where a catalog cannot be kept; log where it cannot be written."""
    server = query(_SERVER)[0]
    if writes and server["read_only"] == "on":
        logger.error(
            "the database is read-only for the role of PAO_DB_URL"
            " (default_transaction_read_only is on): nothing can be written until it is off: %s",
            "ALTER ROLE … RESET default_transaction_read_only, or ALTER DATABASE, or the server",
        )
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


def tables_of(query: Query) -> list[Table]:
    """Return the tables of the schema, in the order in which they were made."""
    return [
        Table(
            row["name"],
            {one["name"]: one["type"] for one in query(_COLUMNS, row)},
            tuple(one["name"] for one in query(_KEY, row)),
        )
        for row in query(_TABLES)
    ]
