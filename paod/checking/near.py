"""Which item was meant, where a document names one that is not in the catalog.

Told where somebody looks at a checkout, and not by the fold: there it would tie every unresolved
name to all names of the catalog, so that one more item changes what is said of any file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from paod.model import Catalog, Problem
from paod.paths import stem_of

MOST_ASKED = 30
"""Names that are looked for among all items."""
_SUFFIXES = ("yaml", "yml")
_ABOUT = frozenset({"unresolved-item", "unknown-reference"})

Found = dict[str, tuple[Problem, ...]]


def with_near_names(catalog: Catalog, found: Mapping[str, tuple[Problem, ...]]) -> Found:
    """Return each file's problems, with the nearest item in the hint where a name leads nowhere.

    Where it leads to a file that is bad, that file's errors are told, and nothing that follows.
    """
    found = {path: _without_taken(catalog, path, problems) for path, problems in found.items()}
    broken = frozenset(_broken(catalog))
    lost = {
        (path, one.pointer): name
        for path, problems in found.items()
        for one in problems
        if one.code in _ABOUT and (name := _name(catalog, one)) is not None
    }
    if not lost:
        return dict(found)
    items = sorted(
        name for (kind, name), entry in catalog.entries.items() if kind == "item" and entry.active
    )
    asked = sorted(set(lost.values()) - broken)[:MOST_ASKED]
    hints = {name: _nearest(items, name) for name in asked}

    def told(path: str, problem: Problem) -> Problem:
        hint = hints.get(lost.get((path, problem.pointer), ""))
        return replace(problem, hint=hint) if hint else problem

    paths = {path for path, _ in lost}
    return {
        path: tuple(
            told(path, one) for one in problems if lost.get((path, one.pointer)) not in broken
        )
        if path in paths
        else problems
        for path, problems in found.items()
    }


def _without_taken(
    catalog: Catalog, path: str, problems: tuple[Problem, ...]
) -> tuple[Problem, ...]:
    """Advise no name for a file that another file has already."""
    if not any(one.code == "path-mismatch" for one in problems):
        return problems
    folder = path.rpartition("/")[0]
    stem, taken = stem_of(path), {f"{folder}/{one.document}" for one in problems}
    if not any(f"{name}.{suffix}" in catalog.files for name in taken for suffix in _SUFFIXES):
        return problems
    hint = f"write 'name: {stem}': there is a file of the other name already"
    return tuple(
        replace(one, hint=hint) if one.code == "path-mismatch" else one for one in problems
    )


def _broken(catalog: Catalog) -> Iterator[str]:
    """Yield the names of bad files: what they say they are called, and what their paths say."""
    for path, state in catalog.files.items():
        if state.file.document is None:
            yield from filter(None, (state.file.name, stem_of(path)))


def _name(catalog: Catalog, problem: Problem) -> str | None:
    """Return the name that leads nowhere, None where the problem is about something else."""
    document = catalog.files[problem.path].file.document
    if document is None:
        return None
    name = next((one.name for one in document.references if one.pointer == problem.pointer), None)
    known = name is None or ("item", name) in catalog.aliases or ("item", name) in catalog.entries
    return None if known else name


def _nearest(items: Sequence[str], name: str) -> str:
    """Return a hint that names the item most like this one, or that goes on where it ends.

    Compared are those that begin or end alike, for comparing takes long among thousands.
    """
    longer = next((one for one in items if one.startswith(f"{name}-")), None)
    alike = [one for one in items if one[:2] == name[:2] or one[-3:] == name[-3:]]
    near = longer or next(iter(get_close_matches(name, alike, n=1, cutoff=0.7)), None)
    return f"did you mean '{near}'?" if near else ""
