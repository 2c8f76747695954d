"""``paod history`` and ``paod diff``: what became of one item or bundle."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import click

from paod.cli.opening import opened
from paod.cli.options import as_json, with_database_settings
from paod.cli.outcome import short
from paod.cli.output import complain, print_json, print_line, print_table
from paod.config import Settings
from paod.difference import ABSENT, Difference, differences
from paod.errors import PaodError
from paod.model import Kind
from paod.store import Renamed, Store

PAGE = 200
KINDS: tuple[Kind, ...] = ("item", "bundle")
MARKS = {"added": ("+", "green"), "removed": ("-", "red"), "changed": ("~", "yellow")}

of_kind = click.option(
    "--kind", type=click.Choice(KINDS), help="Where an item and a bundle have had the same name."
)


@click.command()
@click.argument("name")
@of_kind
@as_json
@with_database_settings
def history(settings: Settings, name: str, kind: Kind | None, *, as_json: bool) -> None:
    """List the revisions of an item or a bundle.

    The newest comes first; a removed one still has its history.
    """
    with opened(settings) as store:
        kind, name = _found(store, name, kind)
        revisions = list(_revisions(store, kind, name))
        pin = store.head().pin
    if as_json:
        print_json({"kind": kind, "name": name, "versions": revisions})
        return
    print_table(
        ("revision", "change", "version", "commit", "when", "who", "what"),
        [_line(revision) for revision in revisions],
    )
    if pin is not None:
        complain(f"the catalog is held at {short(pin.commit)} ({pin.reason}) until `paod resume`")


@click.command()
@click.argument("name")
@click.argument("a", type=click.IntRange(1))
@click.argument("b", type=click.IntRange(1))
@of_kind
@as_json
@with_database_settings
def diff(
    settings: Settings, name: str, a: int, b: int, kind: Kind | None, *, as_json: bool
) -> None:
    """Say what changed between two revisions.

    A and B are revision numbers, as `paod history NAME` lists them.
    """
    with opened(settings) as store:
        kind, name = _found(store, name, kind)
        before, after = (_revision(store, kind, name, number) for number in (a, b))
    changes = differences(before["document"], after["document"])
    if as_json:
        listed = [change.as_json() for change in changes]
        print_json({"kind": kind, "name": name, "from": a, "to": b, "changes": listed})
        return
    for change in changes:
        _print_change(change)
    if not changes:
        print_line(f"revisions {a} and {b} of {name} say the same")


def _found(store: Store, name: str, kind: Kind | None) -> tuple[Kind, str]:
    """Return the entry that a name stands for: an active one first, a former name's successor."""
    kinds = KINDS if kind is None else (kind,)
    looked = {one: store.item(name) if one == "item" else store.bundle(name) for one in kinds}
    for one, found in looked.items():
        if isinstance(found, Renamed):
            complain(f"{name} is called {found.to} now")
            return one, found.to
    there = [one for one, found in looked.items() if found is not None]
    if not there:
        raise PaodError(f"the catalog has never had a {kind or 'document'} {name}")
    active = [one for one in there if hasattr(looked[one], "body") and _is_active(looked[one])]
    return (active or there)[0], name


def _is_active(found: Any) -> bool:
    return bool(found.body["is_active"])


def _revisions(store: Store, kind: Kind, name: str) -> Iterator[dict[str, Any]]:
    before: Any = None
    while (page := store.versions(kind, name, before, PAGE)) is not None:
        yield from page.rows
        before = page.next
        if before is None:
            return


def _revision(store: Store, kind: Kind, name: str, number: int) -> dict[str, Any]:
    found = store.revision(kind, name, number)
    if found is None:
        raise PaodError(f"{name} has no revision {number}", f"paod history {name} lists them")
    return found


def _line(revision: Mapping[str, Any]) -> tuple[Any, ...]:
    commit = revision["commit"]
    return (
        *(revision["revision"], revision["change"], revision["version"], short(commit["hash"])),
        *(commit["time"], commit["author"], commit["subject"]),
    )


def _print_change(change: Difference) -> None:
    mark, style = MARKS.get(change.change, ("~", "yellow"))
    values = [
        json.dumps(value, ensure_ascii=False)
        for value in (change.before, change.after)
        if value is not ABSENT
    ]
    print_line(f"{mark} {change.path}: {' → '.join(values)}", style)
