"""``paod validate``: the same verdict as a sync gives, on files that are not committed yet.

It needs no settings and no database. A whole checkout is also folded, as one commit onto an empty
catalog, so that what documents say of each other is checked too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import click

from paod.catalog.fold import fold
from paod.catalog.problems import problems_of
from paod.cli.checkout import Part, part_of
from paod.cli.exits import Exit
from paod.cli.findings import has_errors, print_findings, print_tally
from paod.cli.output import print_json, progress
from paod.errors import SettingsError
from paod.model import Catalog, Commit, ExaminedFile, Problem, Step
from paod.validate import Rules, examine, is_document_path, parse_text, refuse
from paod.worktree import WorkFile, blob_oid, files


@dataclass(frozen=True, slots=True)
class Report:
    """How many files were checked, and everything that is wrong with them."""

    checked: int
    problems: tuple[Problem, ...]


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option(
    "--format", "style", type=click.Choice(["text", "json"]), default="text", show_default=True
)
@click.option("--json", "style", flag_value="json", help="The same as --format json.")
@click.option(
    "--root", default="catalog", show_default=True, help="The folder that holds the documents."
)
def validate(paths: tuple[Path, ...], style: str, root: str) -> int:
    """Check files, folders or a whole checkout.

    PATH is the working directory when none is given. The exit status is 1 when there is an error;
    warnings alone are fine.
    """
    report = _report(paths or (Path(),), root.strip("/"))
    problems = [problem.as_json() for problem in report.problems]
    if style == "json":
        print_json({"checked": report.checked, "problems": problems})
    else:
        print_findings(problems)
        print_tally(problems, report.checked)
    return Exit.FAILED if has_errors(problems) else Exit.FINE


def _report(paths: Sequence[Path], root: str) -> Report:
    """Check every part once, though paths may overlap."""
    rules = Rules(root=root)
    seen: set[tuple[Path, str]] = set()
    checked, problems = 0, []
    for path in paths:
        if not path.exists() and not path.is_symlink():
            raise SettingsError(f"there is no file or folder {path}")
        part = part_of(path, root)
        examined = _examined(part, rules)
        new = {name: file for name, file in examined.items() if (part.checkout, name) not in seen}
        seen |= {(part.checkout, name) for name in new}
        checked += len(new)
        problems += _folded(new) if part.whole else _own(new)
    return Report(checked, tuple(problems))


def _examined(part: Part, rules: Rules) -> dict[str, ExaminedFile]:
    """Examine the documents of a part, by path."""
    found = files(part.checkout, part.below, rules.max_file_bytes)
    examined = _placed if part.placed else _loose
    return dict(examined(progress(found, "checking"), rules))


def _placed(found: Iterator[WorkFile], rules: Rules) -> Iterator[tuple[str, ExaminedFile]]:
    for path, data, entry in found:
        if not is_document_path(path, rules, entry):
            continue
        if data is not None:
            yield path, examine(path, data, blob_oid(data), rules)
        elif entry == "file":
            yield path, refuse(path, "", "too-large", rules)
        else:
            yield path, refuse(path, "", entry, rules)


def _loose(found: Iterator[WorkFile], rules: Rules) -> Iterator[tuple[str, ExaminedFile]]:
    """Examine YAML files that lie in no catalog: what they say, not where they are."""
    for path, data, entry in found:
        if not path.endswith((".yaml", ".yml")):
            continue
        if data is not None:
            problems = parse_text(data, rules)
        else:
            code = "too-large" if entry == "file" else entry
            problems = refuse("", "", code, rules).problems
        placed = tuple(replace(problem, path=path) for problem in problems)
        yield path, ExaminedFile("", None, placed)


def _own(examined: dict[str, ExaminedFile]) -> list[Problem]:
    return [problem for _, file in sorted(examined.items()) for problem in file.problems]


def _folded(examined: dict[str, ExaminedFile]) -> list[Problem]:
    """Return the files' problems, and those that they have with each other."""
    step = Step(Commit("", "", "", ""), tuple(sorted(examined.items())))
    catalog = fold(Catalog(), [step], "warn").catalog
    found = [problem for path in sorted(examined) for problem in problems_of(catalog, path)]
    return [replace(problem, commit=None) for problem in found]
