"""Every open problem of a file: its own, the fold's refusal, and what its entry is warned of."""

from __future__ import annotations

from dataclasses import replace

from paod.model import Catalog, FileState, Problem


def problems_of(catalog: Catalog, path: str) -> tuple[Problem, ...]:
    """Return a file's problems in the order of their places; nothing for a file that is not there.

    Each carries the commit that brought the file's present content.
    """
    state = catalog.files.get(path)
    if state is None:
        return ()
    found = [*state.file.problems, *_of_entry(catalog, state)]
    if state.refusal is not None:
        found.append(state.refusal)
    named = [replace(problem, path=path, commit=state.commit) for problem in found]
    return tuple(sorted(named, key=lambda one: (one.line, one.column, one.code, one.pointer)))


def error_count(catalog: Catalog, path: str) -> int:
    """Count a file's errors: what keeps its own document from being served."""
    return sum(problem.severity == "error" for problem in problems_of(catalog, path))


def _of_entry(catalog: Catalog, state: FileState) -> tuple[Problem, ...]:
    if state.serves is None:
        return ()
    warning = catalog.entries[state.serves].warning
    findings = catalog.findings.get(state.serves, ())
    return findings if warning is None or state.stale_since else (warning, *findings)
