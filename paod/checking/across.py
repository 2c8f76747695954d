"""What the documents of a checkout say of each other: folded as a sync folds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from paod.catalog.afresh import UNCOMMITTED, fold_afresh
from paod.catalog.fold import fold
from paod.catalog.problems import problems_of
from paod.checking.near import with_near_names
from paod.model import Catalog, ExaminedFile, Problem, Step
from paod.paths import stem_of

VERSION_RULES = frozenset({"version-conflict", "version-regression"})


def folded(examined: Mapping[str, ExaminedFile], base: Catalog | None = None) -> Catalog:
    """Return the catalog that these files would make: one commit onto ``base``, or onto nothing.

    ``examined`` are all documents of the checkout, by path. Files of the base that are not among
    them are gone. Without a base nobody knows which of several files had a name first: the one that
    is called like it is taken for it, as it will be where the others are new.
    """
    if base is None:
        copies = _copies(examined)
        first = {path: file for path, file in examined.items() if path not in copies}
        base = fold_afresh(Catalog(), first)
        if not copies:
            return base
    changes: dict[str, ExaminedFile | None] = dict.fromkeys(base.files.keys() - examined.keys())
    for path, file in examined.items():
        known = base.files.get(path)
        if known is None or not file.oid or known.file.oid != file.oid:
            changes[path] = file
    return fold(base, [Step(UNCOMMITTED, tuple(sorted(changes.items())))], "warn").catalog


def _copies(examined: Mapping[str, ExaminedFile]) -> set[str]:
    """Return the files that give themselves the name of another one that is called like it."""
    names = {path: file.document.name for path, file in examined.items() if file.document}
    called = {name for path, name in names.items() if stem_of(path) == name}
    return {path for path, name in names.items() if name in called and stem_of(path) != name}


def problems_across(catalog: Catalog) -> dict[str, tuple[Problem, ...]]:
    """Return each file's problems, by path: its own, and those that it has with others.

    What the version rules say is told of files that differ from the base, and of no others: it is
    too late to mend what was published before.
    """
    found = {}
    for path, state in sorted(catalog.files.items()):
        is_new = state.commit == UNCOMMITTED.hash
        found[path] = tuple(
            replace(problem, commit=None)
            for problem in problems_of(catalog, path)
            if is_new or problem.code not in VERSION_RULES
        )
    return with_near_names(catalog, found)
