"""What ``paod validate`` was asked to check, checked: one outcome for each checkout."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING

from paod.checking import (
    Task,
    documents,
    examine_all,
    examine_text,
    folded,
    path_of,
    problems_across,
)
from paod.cli.checkout import Part, bytes_in, part_of
from paod.cli.findings import Source
from paod.cli.output import bar, waiting
from paod.errors import SettingsError
from paod.model import ExaminedFile, Problem
from paod.validate import Rules
from paod.worktree import LeftOut, entries, find_checkout

if TYPE_CHECKING:
    from paod.checking.base import Base

STDIN = "-"


@dataclass(frozen=True, slots=True)
class Against:
    """What the checkout is held against. ``base``: the version rules are on, against that commit.

    ``changed``: only what differs from the merge base is told.
    """

    base: str | None = None
    changed: bool = False

    def __bool__(self) -> bool:
        return self.changed or self.base is not None


@dataclass(frozen=True, slots=True)
class Checked:
    """Which documents were checked, by their paths, and what is wrong with them.

    ``prefix`` is where the paths begin in the Git repository; ``source`` gives a file's bytes.
    """

    paths: tuple[str, ...]
    problems: tuple[Problem, ...]
    source: Source
    prefix: str = ""


def check(paths: Sequence[Path], root: str, against: Against) -> list[Checked]:
    """Check every document at or below the paths once, though they may overlap."""
    rules = Rules(root=root)
    found = [_text(rules)] if Path(STDIN) in paths else []
    parts = [_part(path, root) for path in paths if path != Path(STDIN)]
    ordered = sorted(parts, key=_place)
    found += [_checkout(list(group), rules, against) for _, group in groupby(ordered, key=_place)]
    return found


def _place(part: Part) -> tuple[Path, bool]:
    return part.checkout, part.placed


def _part(path: Path, root: str) -> Part:
    if not path.exists() and not path.is_symlink():
        raise SettingsError(f"there is no file or folder {path}")
    return part_of(path, root)


def _text(rules: Rules) -> Checked:
    data = sys.stdin.buffer.read(rules.max_file_bytes + 1)
    return Checked((STDIN,), examine_text(STDIN, data, rules).problems, lambda _path: data)


def _checkout(parts: Sequence[Part], rules: Rules, against: Against) -> Checked:
    """Check parts of one checkout; whatever needs the whole of it looks at the whole."""
    checkout, placed = parts[0].checkout, parts[0].placed
    if against and not placed:
        raise SettingsError(
            f"{checkout} has no folder {rules.root}",
            "--base and --changed are for documents of a catalog; --root names its folder",
        )
    wanted = _documents(parts, rules)
    whole = any(part.whole for part in parts)
    asked = wanted if whole or not against else _documents([_whole(checkout, rules)], rules)
    with bar("checking", len(asked)) as tell:
        examined = examine_all(list(asked.values()), rules, tell, placed=placed)
    there = wanted.keys() & examined.keys()
    if placed and (whole or against):
        with waiting("holding documents against each other"):
            there, found = _across(checkout, there, examined, rules, against)
    else:
        found = {path: file.problems for path, file in examined.items()}
    return Checked(
        tuple(sorted(there)),
        tuple(chain.from_iterable(found[path] for path in sorted(there))),
        partial(_source, checkout, wanted),
        _prefix(checkout),
    )


def _source(checkout: Path, wanted: Mapping[str, Task], path: str) -> bytes | None:
    task = wanted.get(path)
    return task[1] if isinstance(task, tuple) else bytes_in(checkout, path)


def _documents(parts: Iterable[Part], rules: Rules) -> dict[str, Task]:
    found: dict[str, Task] = {}
    for part in parts:
        left_out = LeftOut(part.checkout, part.below, rules.max_file_bytes).files()
        there: Iterable[Task] = chain(entries(part.checkout, part.below), left_out)
        found |= {path_of(one): one for one in documents(there, rules, placed=part.placed)}
    return found


def _whole(checkout: Path, rules: Rules) -> Part:
    return Part(checkout, rules.root, whole=True, placed=True)


def _across(
    checkout: Path, there: set[str], examined: dict[str, ExaminedFile], rules: Rules, given: Against
) -> tuple[set[str], dict[str, tuple[Problem, ...]]]:
    """Return the paths to tell of, and each file's problems, those with other files among them."""
    if not given:
        return there, problems_across(folded(examined))
    from paod.checking.base import Base  # Git is loaded where it is asked for

    top = find_checkout(checkout)
    if top is None:
        raise SettingsError(f"{checkout} is in no Git repository", "check it without a commit")
    base = Base(top, _prefix(checkout), rules, given.base)
    published = base.published(examined) if given.base is not None else None
    found = problems_across(folded(examined, published))
    if not given.changed:
        return there, found
    found = _of_the_change(base, examined, found)
    return there & found.keys(), found


def _of_the_change(
    base: Base, examined: dict[str, ExaminedFile], found: dict[str, tuple[Problem, ...]]
) -> dict[str, tuple[Problem, ...]]:
    """Keep the files that differ from the merge base, and what the change did to the others."""
    start = base.branched_from()
    changed = base.changed(start, examined)
    before = problems_across(base.before(start, examined))
    kept = {path: found[path] for path in changed}
    for path in found.keys() - changed:
        known = {_sense(problem) for problem in before.get(path, ())}
        new = tuple(problem for problem in found[path] if _sense(problem) not in known)
        if new:
            kept[path] = new
    return kept


def _sense(problem: Problem) -> tuple[str, str, str]:
    return problem.code, problem.pointer, problem.message


def _prefix(checkout: Path) -> str:
    top = find_checkout(checkout)
    inside = "." if top is None else checkout.absolute().relative_to(top).as_posix()
    return "" if inside == "." else f"{inside}/"
