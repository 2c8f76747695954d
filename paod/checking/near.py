"""Which item was meant, where a document names one that is not in the catalog.

Told where somebody looks at a checkout, and not by the fold: there it would tie every unresolved
name to all names of the catalog, so that one more item changes what is said of any file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from difflib import get_close_matches

from paod.model import Catalog, Problem

MOST_ASKED = 50
"""Names that are looked for, each among all items."""
_ABOUT = frozenset({"unresolved-item", "unknown-reference"})

Found = dict[str, tuple[Problem, ...]]


def with_near_names(catalog: Catalog, found: Mapping[str, tuple[Problem, ...]]) -> Found:
    """Return each file's problems, with the nearest item in the hint where a name leads nowhere."""
    wanted: dict[str, str] = {}
    told: Found = {}
    for path, problems in found.items():
        lost = {one: _name(catalog, one) for one in problems if one.code in _ABOUT}
        for name in lost.values():
            if name is not None and name not in wanted and len(wanted) < MOST_ASKED:
                wanted[name] = _nearest(catalog, name)
        hints = {one: wanted.get(name or "", "") for one, name in lost.items()}
        told[path] = tuple(
            replace(one, hint=hints[one]) if hints.get(one) else one for one in problems
        )
    return told


def _name(catalog: Catalog, problem: Problem) -> str | None:
    """Return the name that leads nowhere, None where the problem is about something else."""
    document = catalog.files[problem.path].file.document
    if document is None:
        return None
    name = next((one.name for one in document.references if one.pointer == problem.pointer), None)
    return None if name in catalog.aliases or ("item", name) in catalog.entries else name


def _nearest(catalog: Catalog, name: str) -> str:
    """Return a hint that names the item most like this one, or that goes on where it ends."""
    items = sorted(
        name for (kind, name), entry in catalog.entries.items() if kind == "item" and entry.active
    )
    longer = [one for one in items if one.startswith(f"{name}-")]
    near = longer[:1] or get_close_matches(name, items, n=1, cutoff=0.7)
    return f"did you mean '{near[0]}'?" if near else ""
