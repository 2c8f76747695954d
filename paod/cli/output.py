"""What commands print: tables and colour for people, plain lines when piped, JSON for machines.

Names, messages and paths come from a repository that others write to, so nothing reaches a terminal
from here with a control character in it.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import click

from paod.log import escape

if TYPE_CHECKING:
    from rich.console import Console

NOTHING = "-"
WORTH_A_BAR = 500
Value = TypeVar("Value")
Piece = tuple[str, str | None]
"""A part of a line, and its style where a person reads it (``bold red``), None: none."""


def is_terminal() -> bool:
    """Return whether a person reads standard output."""
    return sys.stdout.isatty()


def print_json(value: Any, *, indent: int | None = 2) -> None:
    """Print a value for machines, in ASCII, so that nothing in it can steer a terminal.

    ``indent`` None: all on one line.
    """
    click.echo(json.dumps(value, indent=indent, ensure_ascii=True).replace("\x7f", "\\u007f"))


def print_line(text: str = "", style: str | None = None) -> None:
    """Print one line, with a style (``bold red``) where a person reads it."""
    if style is None or not is_terminal():
        click.echo(escape(text))
    else:
        _console().print(escape(text), style=style, markup=False, soft_wrap=True)


def print_pieces(pieces: Sequence[Piece]) -> None:
    """Print one line in several styles."""
    if not is_terminal():
        click.echo("".join(escape(text) for text, _ in pieces))
        return
    from rich.text import Text  # a terminal is worth the time that this import takes

    line = Text.assemble(*((escape(text), style or "") for text, style in pieces))
    _console().print(line, soft_wrap=True)


def print_pairs(pairs: Iterable[tuple[str, Any]], styles: Mapping[str, str] | None = None) -> None:
    """Print ``name  value`` lines, the names aligned; those without a value are left out.

    ``styles``: of lines by their names, where a person reads them.
    """
    shown = [(name, value) for name, value in pairs if value is not None]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        print_line(f"{name:<{width}}  {value}", (styles or {}).get(name))


def print_table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as a table, or as tab-separated lines under a heading when piped."""
    cells = [[escape(_cell(value)) for value in row] for row in rows]
    if is_terminal():
        _print_rich_table(columns, cells)
        return
    for line in (columns, *cells):
        click.echo("\t".join(line))


def complain(message: str, hint: str = "") -> None:
    """Say on standard error what went wrong, and what to do."""
    first, *rest = (escape(line) for line in message.split("\n"))
    click.secho(f"paod: {first}", err=True, fg="red" if sys.stderr.isatty() else None)
    for line in rest:
        click.echo(line, err=True)
    if hint:
        click.echo(f"  hint: {escape(hint)}", err=True)


def progress(values: Iterable[Value], what: str) -> Iterator[Value]:
    """Pass values on, with a counter on standard error where a person waits."""
    if not sys.stderr.isatty():
        yield from values
        return
    with waiting(what) as tell:
        for number, value in enumerate(values, start=1):
            tell(f"{what} {number:,}")
            yield value


@contextmanager
def bar(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show on standard error how many of ``total`` are done; the value tells how many.

    A few are done before anyone could read it. It draws when it is told something and has no thread
    of its own, so that a process may be forked beside it.
    """
    if total < WORTH_A_BAR or not sys.stderr.isatty():
        yield lambda _done: None
        return
    from rich import progress  # as in waiting
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with progress.Progress(*columns, console=console, auto_refresh=False, transient=True) as shown:
        task = shown.add_task(what, total=total)

        def tell(done: int) -> None:
            if done % (total // 100) == 0:
                shown.update(task, completed=done, refresh=True)

        yield tell


@contextmanager
def waiting(what: str) -> Iterator[Any]:
    """Show on standard error that something is under way; the value tells a new text for it.

    As a bar it has no thread of its own: a process that forks beside one may hang in its child.
    """
    if not sys.stderr.isatty():
        yield lambda _text: None
        return
    from rich import progress  # a terminal is worth the time that this import takes
    from rich.console import Console

    column = progress.TextColumn("{task.description}…", markup=False)
    console = Console(stderr=True)
    with progress.Progress(column, console=console, auto_refresh=False, transient=True) as shown:
        task = shown.add_task(what, total=None)
        shown.refresh()
        yield lambda text: shown.update(task, description=escape(text), refresh=True)


def _cell(value: Any) -> str:
    if value is None or value == "":
        return NOTHING
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value)) or NOTHING
    return str(value)


def _print_rich_table(columns: Sequence[str], cells: Iterable[Sequence[str]]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(*columns, box=box.SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for row in cells:
        table.add_row(*map(Text, row))
    _console().print(table)


@cache
def _console() -> Console:
    from rich.console import Console

    return Console(highlight=False, emoji=False)
