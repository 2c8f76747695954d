"""A whole catalog, its history and all, copied from one database to another, and proved the same.

Rows go over as they are, page by page in the order of their keys, and each page is a transaction:
what was interrupted goes on after the last page. Until all is there and was compared, the target's
ledger says so, and no paod takes it for a catalog.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from paod.database import Database, Row, Table
from paod.errors import StoreError
from paod.store import codec
from paod.store.base import stamp, utc_now
from paod.store.migrate import COPYING
from paod.store.store import Store

PAGE: Final = 500
LEDGER: Final = "schema_migrations"
_HEAD: Final = "catalog_head"
_BOOLEAN: Final = "boolean"
_JSON: Final = "jsonb"
_MARK: Final = """
INSERT INTO schema_migrations (number, name, applied_at) VALUES (:number, :name, :now)
"""
_MARKED: Final = "SELECT name FROM schema_migrations WHERE number = :number"
_UNMARK: Final = "DELETE FROM schema_migrations WHERE number = :number"

_OTHER_SERVER: Final = "UPDATE catalog_head SET server = NULL"
"""It is not the source's any more, and lacks nothing for that."""

OnRows = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Copied:
    """One table of the copy: its rows, and the hash over all of them, the same on both sides."""

    table: str
    rows: int
    digest: str


class Copy:
    """One copy from a database to another one. Neither may be served meanwhile."""

    def __init__(self, source: Store, target: Store) -> None:
        self._source = source
        self._target = target
        self._tables: list[_Pair] = []

    def begin(self, *, restart: bool = False) -> int:
        """Make the target ready, and return how many rows are to be copied.

        Raises ``StoreError`` for a target that is not empty, unless it holds what an interrupted
        copy of the same source left. ``restart``: that is emptied first.
        """
        self._source.migrate()
        self._target.database.prepare()
        timeline = self._source.head().timeline
        if self._target.database.schema_number() == COPYING:
            self._go_on(timeline, restart=restart)
        else:
            self._target.migrate()
            self._pair()
            self._refuse_what_is_there()
            self._mark(timeline)
        return sum(_count(self._source.database, pair.name) for pair in self._tables)

    def run(self, on_rows: OnRows = lambda _rows: None) -> list[Copied]:
        """Copy what is not there yet, compare everything, and let the target be a catalog.

        ``on_rows`` is told after each page how many are there by now. Raises ``StoreError`` where
        the two differ.
        """
        done = sum(_count(self._target.database, pair.name) for pair in self._tables)
        with self._source.database.snapshot():
            for pair in self._tables:
                for rows in self._copy(pair):
                    done += rows
                    on_rows(done)
            copied = [self._compare(pair) for pair in self._tables]
        self._unmark()
        return copied

    def _pair(self) -> None:
        theirs = {table.name: table for table in self._target.database.tables()}
        ours = [one for one in self._source.database.tables() if one.name != LEDGER]
        self._tables = [_Pair(table, theirs[table.name]) for table in ours]

    def _refuse_what_is_there(self) -> None:
        rows = {pair.name: _count(self._target.database, pair.name) for pair in self._tables}
        filled = [name for name, count in rows.items() if count and name != _HEAD]
        if filled or self._target.head().generation:
            raise StoreError(
                f"the database to copy to is not empty ({', '.join(filled) or _HEAD} has rows);"
                " it was left as it is",
                "name an empty one, or drop what is in it",
            )

    def _go_on(self, timeline: str, *, restart: bool) -> None:
        self._pair()
        marks = self._target.database.query(_MARKED, {"number": COPYING})
        if not restart and (not marks or marks[0]["name"] != f"copy of {timeline}"):
            raise StoreError(
                "the database to copy to holds an unfinished copy of another catalog",
                "name an empty one, or begin anew in this one: --restart",
            )
        if not restart:
            return
        with self._target.database.atomic():
            for pair in reversed(self._tables):
                self._target.database.execute(f"DELETE FROM {pair.name}")  # noqa: S608 our tables
            self._target.database.execute(_UNMARK, {"number": COPYING})
        self._mark(timeline)

    def _mark(self, timeline: str) -> None:
        database = self._target.database
        with database.atomic():
            database.execute(f"DELETE FROM {_HEAD}")  # noqa: S608 a constant
            now = stamp(utc_now())
            database.execute(_MARK, {"number": COPYING, "name": f"copy of {timeline}", "now": now})
            database.stamp(COPYING)

    def _unmark(self) -> None:
        database = self._target.database
        newest = self._source.database.schema_number()
        with database.atomic():
            for pair in self._tables:
                if "id" in pair.columns and pair.key == ("id",) and pair.name != _HEAD:
                    database.go_on_counting(pair.name)
            database.execute(_UNMARK, {"number": COPYING})
            database.execute(_OTHER_SERVER)
            database.stamp(newest)
        database.wake()

    def _copy(self, pair: _Pair) -> Iterator[int]:
        database = self._target.database
        for page in _pages(self._source.database, pair, _last_key(database, pair)):
            with database.atomic():
                database.execute_many(pair.insert, [pair.for_target(row) for row in page])
                if "search_text" in pair.columns:
                    database.index_text(pair.name, page, new=True)
            yield len(page)

    def _compare(self, pair: _Pair) -> Copied:
        ours = _fingerprint(self._source.database, pair)
        theirs = _fingerprint(self._target.database, pair)
        if ours != theirs:
            raise StoreError(
                f"the copies of {pair.name} differ: {ours[0]} rows here and {theirs[0]} there,"
                f" hashes {ours[1][:12]} and {theirs[1][:12]}",
                "something wrote meanwhile: stop every paod serve on both, and use --restart",
            )
        return Copied(pair.name, *ours)


@dataclass(frozen=True, slots=True)
class _Pair:
    """A table on both sides: the same columns, some of which have other types."""

    source: Table
    target: Table

    @property
    def name(self) -> str:
        return self.source.name

    @property
    def key(self) -> tuple[str, ...]:
        return self.source.key

    @property
    def columns(self) -> Mapping[str, str]:
        return self.source.columns

    @property
    def insert(self) -> str:
        names = list(self.columns)
        values = ", ".join(f":{name}" for name in names)
        return f"INSERT INTO {self.name} ({', '.join(names)}) VALUES ({values})"  # noqa: S608 our tables

    def is_of(self, column: str, kind: str) -> bool:
        """Whether a column is of a type on either side: SQLite knows fewer."""
        return kind in (self.source.columns[column], self.target.columns[column])

    def for_target(self, row: Row) -> Row:
        """Return a row as the target takes it: SQLite's truth is a number."""
        return {
            name: bool(value) if value is not None and self.is_of(name, _BOOLEAN) else value
            for name, value in row.items()
        }

    def plain(self, row: Row) -> list[Any]:
        """Return a row's values by the names of its columns, whichever side it is from."""
        return [self._plain(name, row[name]) for name in sorted(row)]

    def _plain(self, name: str, value: Any) -> Any:
        if value is not None and self.is_of(name, _BOOLEAN):
            return bool(value)
        return codec.parse(value) if self.is_of(name, _JSON) else value


def _pages(database: Database, pair: _Pair, after: Row | None) -> Iterator[list[Row]]:
    """Yield a table's rows in the order of its key, those after a key; None: all."""
    key = ", ".join(pair.key)
    while True:
        where = f"WHERE ({key}) > ({', '.join(f':{name}' for name in pair.key)})" if after else ""
        sql = f"SELECT * FROM {pair.name} {where} ORDER BY {key} LIMIT {PAGE}"  # noqa: S608 our tables
        page = database.query(sql, after)
        if page:
            yield page
            after = {name: page[-1][name] for name in pair.key}
        if len(page) < PAGE:
            return


def _last_key(database: Database, pair: _Pair) -> Row | None:
    order = ", ".join(f"{name} DESC" for name in pair.key)
    sql = f"SELECT {', '.join(pair.key)} FROM {pair.name} ORDER BY {order} LIMIT 1"  # noqa: S608 our tables
    rows = database.query(sql)
    return rows[0] if rows else None


def _count(database: Database, table: str) -> int:
    return int(database.query(f"SELECT COUNT(*) AS found FROM {table}")[0]["found"])  # noqa: S608 our tables


def _fingerprint(database: Database, pair: _Pair) -> tuple[int, str]:
    """Return the number of a table's rows and a hash over all, whatever their order."""
    rows, total = 0, 0
    for page in _pages(database, pair, None):
        rows += len(page)
        for row in page:
            text = orjson.dumps(pair.plain(row), option=orjson.OPT_SORT_KEYS)
            total += int.from_bytes(hashlib.sha256(text).digest())
    return rows, f"{total % 2**256:064x}"
