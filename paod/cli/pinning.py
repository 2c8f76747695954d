"""``paod pin`` and ``paod unpin``: hold one item at a revision, and let it follow the branch again.

Both write into the database at once, whether a daemon runs or not; readers see it with their next
request.
"""

from __future__ import annotations

from typing import Any

import click

from paod.cli.opening import opened
from paod.cli.options import as_json, with_database_settings
from paod.cli.output import print_json, print_line
from paod.config import Settings


@click.command()
@click.argument("name")
@click.argument("revision", type=click.IntRange(1))
@click.option("--reason", required=True, help="Why, for whoever wonders later.")
@as_json
@with_database_settings
def pin(settings: Settings, name: str, revision: int, reason: str, *, as_json: bool) -> None:
    """Serve one revision of an item until it is released.

    REVISION is a number that `paod history NAME` lists. Whatever the branch does to the item
    meanwhile is recorded and not served; one that it has removed is served again.
    """
    with opened(settings, read_only=False) as store:
        pinned = store.pin_item(name, revision, reason)
    _print(pinned, f"{name} is served at revision {revision} until `paod unpin {name}`", as_json)


@click.command()
@click.argument("name")
@as_json
@with_database_settings
def unpin(settings: Settings, name: str, *, as_json: bool) -> None:
    """Serve an item as the branch says again."""
    with opened(settings, read_only=False) as store:
        released = store.release_item(name)
    _print(released, f"{name} follows the branch again", as_json)


def _print(answer: dict[str, Any], sentence: str, as_json: bool) -> None:
    if as_json:
        print_json(answer)
    else:
        print_line(sentence)
