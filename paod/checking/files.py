"""Which entries of a checkout are documents, and the verdict on each, by worker processes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial

from paod.checking.crew import Crew, Watcher
from paod.failpoint import failpoint
from paod.model import EntryType, ExaminedFile, Problem
from paod.validate import Refusal, Rules, examine, is_document_path, parse_text, refuse
from paod.worktree import WorkEntry, WorkFile, blob_oid, read

EACH = 40
"""Files for which one more process is worth its start."""


Task = WorkEntry | WorkFile
"""What is to be examined: read from the disk when its turn comes, or from Git's index already."""


def path_of(task: Task) -> str:
    """Return where a task's file lies, from the checkout."""
    return task.path if isinstance(task, WorkEntry) else task[0]


def documents(entries: Iterable[Task], rules: Rules, *, placed: bool) -> list[Task]:
    """Return the entries that are to be examined; ``placed``: they lie under the catalog root.

    In no catalog, all YAML files are: what they say is judged, and not where they are.
    """
    if not placed:
        return [entry for entry in entries if path_of(entry).endswith((".yaml", ".yml"))]
    return [entry for entry in entries if is_document_path(path_of(entry), rules, _type_of(entry))]


def _type_of(task: Task) -> EntryType:
    return task.type if isinstance(task, WorkEntry) else task[2]


def examine_all(
    entries: Sequence[Task], rules: Rules, watcher: Watcher, *, placed: bool
) -> dict[str, ExaminedFile]:
    """Examine entries, by path; those that vanish meanwhile are not there."""
    work = partial(_examined, examine_entry if placed else examine_loose, rules)
    jobs = max(1, min(_cores(), len(entries) // EACH))
    crew = Crew(work, partial(_given_up, rules), jobs)
    found = {}
    for number, (entry, file) in enumerate(crew.results(entries), start=1):
        watcher(number)
        if file is not None:
            found[path_of(entry)] = file
    return found


def examine_entry(found: WorkFile, rules: Rules) -> ExaminedFile:
    """Return the verdict on what was read from under the catalog root."""
    path, data, entry = found
    if data is not None:
        return examine(path, data, blob_oid(data), rules)
    return refuse(path, "", "too-large" if entry == "file" else entry, rules)


def examine_loose(found: WorkFile, rules: Rules) -> ExaminedFile:
    """Return the verdict on a YAML file that lies in no catalog."""
    path, data, entry = found
    if data is not None:
        return _loose(path, parse_text(data, rules))
    code: Refusal = "too-large" if entry == "file" else entry
    return _loose(path, refuse("", "", code, rules).problems)


def _loose(path: str, problems: Iterable[Problem]) -> ExaminedFile:
    return ExaminedFile("", None, tuple(replace(problem, path=path) for problem in problems))


def examine_text(name: str, data: bytes, rules: Rules) -> ExaminedFile:
    """Return the verdict on a text that is in no file; ``name`` stands for its path."""
    work = partial(examine_loose, rules=rules)
    [(_, file)] = Crew(work, partial(_killed, rules=rules), 1).results([(name, data, "file")])
    return file


def _cores() -> int:
    """Return how many processors this process may use, as far as the system tells."""
    asked = getattr(os, "sched_getaffinity", None)  # neither macOS nor Windows has it
    return len(asked(0)) if asked is not None else os.cpu_count() or 1


def _examined(
    verdict: Callable[[WorkFile, Rules], ExaminedFile], rules: Rules, entry: Task
) -> ExaminedFile | None:
    failpoint(f"in_hand:{path_of(entry)}")
    found = read(entry, rules.max_file_bytes) if isinstance(entry, WorkEntry) else entry
    return None if found is None else verdict(found, rules)


def _given_up(rules: Rules, entry: Task) -> ExaminedFile:
    return refuse(path_of(entry), "", "crashes-parser", rules)


def _killed(found: WorkFile, rules: Rules) -> ExaminedFile:
    return _loose(found[0], refuse("", "", "crashes-parser", rules).problems)
