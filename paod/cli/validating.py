"""``paod validate``: the same verdict as a sync gives, on files that are not committed yet.

It needs no settings and no database. A whole checkout is also folded, as one commit onto an empty
catalog or onto that of ``--base``, so that what documents say of each other is checked too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import click

from paod.cli.checkout import part_of
from paod.cli.checks import Against, Checked, check
from paod.cli.exits import Exit
from paod.cli.findings import print_findings, print_tally
from paod.cli.formats import github, junit, sarif
from paod.cli.options import in_style
from paod.cli.output import complain, is_terminal, print_json, print_line
from paod.errors import SettingsError

FORMATS = ("text", "json", "github", "sarif", "junit")


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@in_style(FORMATS, "github: annotations of a pull request; sarif: version 2.1.0.")
@click.option("--strict", is_flag=True, help="Fail for warnings too.")
@click.option(
    "--changed",
    is_flag=True,
    help="Tell only of what differs from where HEAD left the branch: --base, or else origin's.",
)
@click.option(
    "--base",
    metavar="REV",
    help="Hold versions against this commit and its history: bumped, not reused, not lowered.",
)
@click.option(
    "--root", default="catalog", show_default=True, help="The folder that holds the documents."
)
def validate(
    paths: tuple[Path, ...], style: str, strict: bool, changed: bool, base: str | None, root: str
) -> int:
    """Check files, folders or a whole checkout.

    PATH is the working directory when none is given; - is standard input. The exit status is 1
    when there is an error; warnings alone are fine, unless --strict. `paod explain CODE` tells
    more of a problem.
    """
    root = root.strip("/")
    found = check(paths or (Path(),), root, Against(base, changed))
    _warn_of_nothing(paths or (Path(),), found, root, changed)
    _warn_of_no_catalog(paths or (Path(),), root)
    _PRINTERS[style](found, strict)
    failing = ("error", "warning") if strict else ("error",)
    problems = [problem for checked in found for problem in checked.problems]
    failed = any(problem.severity in failing for problem in problems)
    return Exit.FAILED if failed else Exit.FINE


def _warn_of_nothing(
    paths: Iterable[Path], found: Sequence[Checked], root: str, changed: bool
) -> None:
    """Refuse a folder without any document, as a mistake; name the files that are passed over."""
    if changed or any(checked.paths for checked in found):
        return
    for path in paths:
        if path.is_dir():
            raise SettingsError(
                f"there are no documents in {path.absolute()}",
                f"they lie at {root}/<category>/<name>.yaml; --root names another folder",
            )
        complain(f"{path} is passed over: it is hidden, or no YAML")


def _warn_of_no_catalog(paths: Iterable[Path], root: str) -> None:
    """Say where a folder is in no catalog, so that nobody takes half a check for the whole."""
    for path in paths:
        if path.is_dir() and not part_of(path, root).placed:
            complain(
                f"{path.absolute()} has no {root}/: each document is checked by itself",
                f"documents lie at {root}/<category>/<name>.yaml; --root names another folder",
            )


def _print_text(found: Sequence[Checked], _strict: bool) -> None:
    for checked in found:
        print_findings([problem.as_json() for problem in checked.problems], checked.source)
    problems = [problem.as_json() for checked in found for problem in checked.problems]
    print_tally(problems, _count(found))
    if problems and is_terminal():
        print_line(f"`paod explain {problems[0]['code']}` tells more")


def _print_json(found: Sequence[Checked], _strict: bool) -> None:
    problems = [problem.as_json() for checked in found for problem in checked.problems]
    print_json({"checked": _count(found), "problems": problems})


def _print_github(found: Sequence[Checked], _strict: bool) -> None:
    for line in github(found):
        print_line(line)


def _print_sarif(found: Sequence[Checked], _strict: bool) -> None:
    print_json(sarif(found))


def _print_junit(found: Sequence[Checked], strict: bool) -> None:
    click.echo(junit(found, strict=strict))


def _count(found: Iterable[Checked]) -> int:
    return sum(len(checked.paths) for checked in found)


_PRINTERS: Mapping[str, Callable[[Sequence[Checked], bool], None]] = {
    "text": _print_text,
    "json": _print_json,
    "github": _print_github,
    "sarif": _print_sarif,
    "junit": _print_junit,
}
