"""What the store asks of a database: SQL in the common subset, and what no common SQL can say."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

Params = Mapping[str, Any]
Row = dict[str, Any]
Password = Callable[[], str | None]


def no_password() -> str | None:
    """Leave it to the driver, which may know one from a file of its own or need none."""
    return None


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it is: its name, its columns with the types that the database gives them, and the
    columns of its primary key."""

    name: str
    columns: Mapping[str, str]
    key: tuple[str, ...]


class Database(Protocol):
    """One database, used from any thread and any process; each thread has its own connection.

    SQL has ``:name`` parameters and no other colon. Values are str, int, float, bool and None; JSON
    goes in and comes out as text, times as UTC in ISO 8601. Every verb raises ``StoreUnavailable``
    where waiting may help and ``StoreError`` where it will not.
    """

    @property
    def dialect(self) -> str:
        """The name of the SQL dialect, as migration files carry it: ``sqlite``, ``postgresql``."""
        ...

    @property
    def shared(self) -> bool:
        """Whether several machines may use it at once."""
        ...

    @property
    def types(self) -> Mapping[str, str]:
        """What stands for the tokens of a migration: ``{id}``, ``{json}``, ``{timestamp}`` …"""
        ...

    def prepare(self) -> None:
        """Make the database if there is none; raise ``MigrationError`` if it is not paod's."""
        ...

    def schema_number(self) -> int:
        """Return the number of the last migration that was applied, 0 if none was."""
        ...

    def stamp(self, number: int) -> None:
        """Record, in the running transaction, that the schema has this number now."""
        ...

    def back_up(self, label: str) -> None:
        """Keep a copy of what was committed before the running transaction, where it can.

        A database whose copies are its administrator's business does nothing.
        """
        ...

    def tables(self) -> list[Table]:
        """Return the tables that migrations made, in the order in which they did."""
        ...

    def go_on_counting(self, table: str) -> None:
        """Let a table's next id follow the highest that is there, inside ``atomic``."""
        ...

    def execute(self, sql: str, params: Params | None = None) -> int:
        """Run one statement that writes, inside ``atomic``; return the number of rows it met."""
        ...

    def execute_many(self, sql: str, rows: Iterable[Params]) -> None:
        """Run one statement that writes for each set of parameters, inside ``atomic``.

        Nobody waits for it: what is wrong with it may be raised by what follows, the end at the
        latest.
        """
        ...

    def query_all(self, asked: Sequence[tuple[str, Params | None]]) -> list[list[Row]]:
        """Return the rows of several statements, asked in one round trip; as ``query`` else."""
        ...

    def query(self, sql: str, params: Params | None = None) -> list[Row]:
        """Return a statement's rows; one that writes (``RETURNING``) only inside ``atomic``."""
        ...

    def script(self, sql: str) -> None:
        """Run several statements, inside ``atomic``."""
        ...

    def atomic(self) -> AbstractContextManager[None]:
        """Run a block as one write transaction: all of it, or after any error nothing.

        A nested block joins the outer one. An error in it ends both, even if somebody catches it.
        """
        ...

    def snapshot(self) -> AbstractContextManager[None]:
        """Let all queries of a block see one state of the database. It writes nothing."""
        ...

    def index_text(self, table: str, rows: Sequence[Params], *, new: bool) -> None:
        """Make rows findable by what their ``search_text`` says now, inside ``atomic``.

        Each has its ``id`` and ``search_text``; ``new``: the index knows none of them yet. A
        database that indexes the column by itself does nothing.
        """
        ...

    def search_clause(self, table: str, words: Sequence[str]) -> tuple[str, dict[str, str]]:
        """Return a condition on ``id`` and its parameters: every word begins a word of the row.

        ``words`` are folded (letters and digits only) and at least one.
        """
        ...

    def sync_lock(self, wait: float = 0.0) -> AbstractContextManager[bool]:
        """Try for up to ``wait`` seconds to be the one that syncs; the value says whether it is.

        The lock belongs to the process and ends with it, however it ends. A database that several
        machines share keeps it between two blocks, and inside of one lets the thread read and
        write over the connection that holds it: a lock that is lost ends what was under way.
        """
        ...

    def give_way(self) -> None:
        """End the sync lock that is kept between two blocks, so that another may have it."""
        ...

    def now(self) -> datetime:
        """Return the time, with its zone, by the clock that all who use the database share.

        That of the server; of a file it is the machine's.
        """
        ...

    def server(self) -> str | None:
        """Return what tells the server that has the database from one that may lack its last.

        It is asked inside ``atomic`` or ``sync_lock``. None: nobody knows, or it is a file.
        """
        ...

    def sync_holder(self) -> tuple[str, str] | None:
        """Return the instance that holds the sync lock now and since when; None: nobody, it seems.

        Only a database that several machines share knows; elsewhere it is always None.
        """
        ...

    def wake(self) -> None:
        """Tell all who wait, in any process, that there is news. Never blocks, never fails."""
        ...

    def wait(self, timeout: float) -> bool:
        """Wait for news up to ``timeout`` seconds; return whether there was any since last time.

        A hint and no more: it may come without news (always at a thread's first wait), so look
        again after it. News that came between two waits of a thread is not missed.
        """
        ...

    def on_renewed(self, call: Callable[[], object]) -> None:
        """Have something called whenever this process's connections were stuck and made again.

        A file has none that could be.
        """
        ...

    def close(self) -> None:
        """Close this process's connections, those of all its threads."""
        ...
