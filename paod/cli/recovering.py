"""``paod backup`` and ``paod restore``: the database, copied while it is in use and put back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from paod import daemon
from paod.cli.options import as_json, with_database_settings
from paod.cli.outcome import short
from paod.cli.output import print_json, print_line, waiting
from paod.config import Settings

a_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path))


@click.command()
@a_file
@as_json
@with_database_settings
def backup(settings: Settings, file: Path, *, as_json: bool) -> None:
    """Copy the database to a new file, whether paod runs or not.

    The copy is of one moment, and is read whole before it gets its name. It holds no secret, but
    all of the catalog.
    """
    with waiting("copying the database"):
        made = daemon.back_up(settings, file)
    if as_json:
        print_json(_json(made))
    else:
        print_line(f"{made.file}: {_sentence(made)}, {made.size:,} bytes, checked")


@click.command()
@a_file
@click.option("--force", is_flag=True, help="Also onto a catalog that is newer than the backup's.")
@as_json
@with_database_settings
def restore(settings: Settings, file: Path, *, force: bool, as_json: bool) -> None:
    """Put a backup in the database's place.

    `paod serve` must not run. The present database is kept beside it; the next sync goes on from
    the backup's commit.
    """
    with waiting("checking the backup"):
        done = daemon.restore(settings, file, force=force)
    former = None if done.former is None else str(done.former)
    if as_json:
        print_json(_json(done.backup) | {"former": former})
        return
    print_line(f"restored {_sentence(done.backup)} from {file}")
    if former is not None:
        print_line(f"the former database is {former}: delete it when all is well")


def _sentence(made: daemon.Backup) -> str:
    head = made.head
    return f"generation {head.generation} at {short(head.commit)}, schema {made.schema}"


def _json(made: daemon.Backup) -> dict[str, Any]:
    head = made.head
    return {
        "file": str(made.file),
        "bytes": made.size,
        "schema": made.schema,
        "generation": head.generation,
        "commit_hash": head.commit,
        "synced_at": head.synced_at,
    }
