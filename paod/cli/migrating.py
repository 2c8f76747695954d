"""``paod migrate``: the catalog, with its whole history, moves to another database."""

from __future__ import annotations

from pathlib import Path

import click

from paod.cli.options import as_json, with_database_settings
from paod.cli.output import bar, print_json, print_line, print_table
from paod.config import Settings
from paod.daemon import daemon_running, open_store, password_of
from paod.database import file_exists, open_database
from paod.errors import PaodError
from paod.repository_url import redact_url
from paod.store import Copied, Copy, Store

SHORT = 16
"""Digits of a hash that people compare."""


@click.command()
@click.option(
    "--to",
    "target",
    required=True,
    metavar="URL",
    help="The database to copy to: postgresql://… or sqlite:///path. Leave its password out: it is"
    " PAO_DB_PASSWORD, or libpq finds it in ~/.pgpass.",
)
@click.option(
    "--restart",
    is_flag=True,
    help="Begin anew in a database that holds an unfinished copy, instead of going on.",
)
@as_json
@with_database_settings
def migrate(settings: Settings, target: str, *, restart: bool, as_json: bool) -> None:
    """Copy the catalog with its history to another database.

    Every row is compared. From SQLite to PostgreSQL, or back. Stop `paod serve` first, on every
    machine. What is interrupted goes on where it was when the same command is run again. The
    database that is copied from stays as it is; set PAO_DB_URL to the other one afterwards.
    """
    _refuse_beside_a_daemon(settings)
    source = open_store(settings)
    there = Store(open_database(target, password=password_of(settings)))
    try:
        _refuse_the_same(settings.db_url, target)
        copy = Copy(source, there)
        with bar("copying rows", copy.begin(restart=restart)) as tell:
            copied = copy.run(tell)
    finally:
        there.close()
        source.close()
    _tell(copied, target, as_json=as_json)


def _refuse_beside_a_daemon(settings: Settings) -> None:
    if settings.db_file is not None and not file_exists(settings.db_file):
        raise PaodError(
            f"there is nothing to copy: there is no database {settings.db_file}",
            "set PAO_DB_URL, or PAO_STATE_DIR, to those of the daemon",
        )
    if daemon_running(settings):
        raise PaodError(
            "paod serve runs on this database: what it writes meanwhile would be lost",
            "stop it, and start it again with PAO_DB_URL set to the new database",
        )


def _refuse_the_same(source: str, target: str) -> None:
    if source == target or (_file(source) is not None and _file(source) == _file(target)):
        raise PaodError("this is the database that is copied from", "name another one")


def _file(url: str) -> Path | None:
    path = url.removeprefix("sqlite:///")
    return None if path == url else Path(path).resolve()


def _tell(copied: list[Copied], target: str, *, as_json: bool) -> None:
    if as_json:
        tables = [{"table": one.table, "rows": one.rows, "sha256": one.digest} for one in copied]
        print_json({"tables": tables})
        return
    print_table(
        ("table", "rows", "hash of both sides"),
        [(one.table, one.rows, one.digest[:SHORT]) for one in copied],
    )
    rows = sum(one.rows for one in copied)
    print_line(f"copied and compared: {rows:,} rows. Set PAO_DB_URL to {redact_url(target)}")
