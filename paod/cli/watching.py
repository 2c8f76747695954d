"""``paod watch``: what ``paod validate`` says of a checkout, said again at every save."""

from __future__ import annotations

import signal
from contextlib import AbstractContextManager, nullcontext, suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from paod.cli.checkout import bytes_in, part_of
from paod.cli.exits import Exit
from paod.cli.findings import print_findings, print_tally
from paod.cli.outcome import counted
from paod.cli.output import complain, print_json, print_line, waiting
from paod.watch.looks import Look, looks
from paod.worktree.stirring import Stirring

if TYPE_CHECKING:
    from paod.cli.publishing import Serving

NAMED = 3
"""So many changed files are named, of more only the number is told."""


@click.command()
@click.argument("path", default=".", metavar="[PATH]", type=click.Path(exists=True, path_type=Path))
@click.option("--serve", is_flag=True, help="Serve the working tree as an API too.")
@click.option(
    "--port",
    type=click.IntRange(0, 65_535),
    default=8080,
    show_default=True,
    help="Where to serve; when it is taken, the next free one.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line for each save.")
@click.option(
    "--root", default="catalog", show_default=True, help="The folder that holds the documents."
)
def watch(path: Path, port: int, root: str, *, serve: bool, as_json: bool) -> int:
    """Check a checkout again at every save.

    PATH is a checkout or anything in it. What is told is all that is wrong in the whole checkout,
    as `paod validate` tells it. With --serve the API answers as the daemon's would if each save
    were a commit: on this machine only, and without a token. Ctrl-C ends it.
    """
    root = root.strip("/")
    checkout = part_of(path, root).checkout
    for name in ("SIGTERM", "SIGHUP"):
        if hasattr(signal, name):  # Windows has no SIGHUP
            signal.signal(getattr(signal, name), signal.default_int_handler)
    with suppress(KeyboardInterrupt), _serving(checkout, root, port, serve=serve) as served:
        _Told(checkout, root, served, as_json=as_json).follow()
    return Exit.FINE


def _serving(
    checkout: Path, root: str, port: int, *, serve: bool
) -> AbstractContextManager[Serving | None]:
    if not serve:
        return nullcontext()
    from paod.cli.publishing import serving  # whoever only watches need not wait for this

    return serving(checkout, root, port)


class _Told:
    """Tells of each look at which something was new."""

    def __init__(self, checkout: Path, root: str, served: Serving | None, *, as_json: bool) -> None:
        self._checkout = checkout
        self._root = root
        self._served = served
        self._as_json = as_json
        self._first = True
        self._trouble = ""

    def follow(self) -> None:
        """Look for ever."""
        with Stirring(self._checkout, self._root) as stirring:
            found = looks(self._checkout, self._root, stirring)
            self._begin()
            with waiting("checking"):
                look = next(found)
            self._take(look)
            for look in found:
                self._take(look)

    def _begin(self) -> None:
        place, address = self._checkout / self._root, self._served and self._served.address
        if self._as_json:
            print_json({"watching": str(place), "api": address}, indent=None)
            return
        print_line(f"watching {place}, Ctrl-C ends it")
        if address:
            print_line(f"serving it at {address}/api/v1, no token needed")

    def _take(self, look: Look) -> None:
        if self._served is not None:
            self._served.published.publish(look.changes)
        trouble = "" if look.trouble is None else str(look.trouble)
        if trouble and trouble != self._trouble:
            complain(f"{trouble}; watching goes on")
        self._trouble = trouble
        if look.changes or self._first:
            self._tell(look)
        self._first = False

    def _tell(self, look: Look) -> None:
        problems = [problem.as_json() for problem in look.problems]
        if self._as_json:
            changed = sorted(look.changes)
            told = {"changed": changed, "checked": look.checked, "problems": problems}
            print_json(told, indent=None)
            return
        if not self._first:
            print_line()
            print_line(f"{datetime.now().astimezone():%H:%M:%S} {_named(look)}", "bold")
        print_findings(problems, partial(bytes_in, self._checkout))
        if look.trouble is not None and not look.checked:
            return  # what could not be read has been told: nothing was found good
        print_tally(problems, look.checked)
        if not look.checked:
            print_line(f"  they lie at {self._root}/<category>/<name>.yaml; --root names another")


def _named(look: Look) -> str:
    """Return ``catalog/a/b.yaml, catalog/a/c.yaml (removed)``, or ``1,000 files``."""
    if len(look.changes) > NAMED:
        return f"{counted(len(look.changes), 'file')} changed"
    return ", ".join(
        path if file is not None else f"{path} (removed)" for path, file in look.changes.items()
    )
