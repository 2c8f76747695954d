"""What entries say of each other: the parts of bundles, and references that lead nowhere.

All of it is a function of the catalog's files, entries and aliases at one commit, not of how they
came about. The findings are warnings: one file's removal must not make another file bad.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from paod.catalog.circles import circles
from paod.model import Catalog, Entry, Key, Problem, Reference, Resolved
from paod.versions import version_in_range

CIRCULAR = "circular-dependency"
_PARTS = frozenset({"required_item", "optional_item"})


def parts(catalog: Catalog, key: Key) -> tuple[Resolved, ...] | None:
    """Return what each part of a bundle resolves to, in the document's order; None for an item."""
    if key[0] == "item":
        return None
    references = catalog.entries[key].document.references
    named = (reference for reference in references if reference.type in _PARTS)
    return tuple(_resolve(catalog, reference) for reference in named)


Findings = dict[Key, tuple[Problem, ...]]


def findings_after(catalog: Catalog, touched: Iterable[Key]) -> tuple[Findings, set[Key]]:
    """Bring ``catalog.findings`` up to date after these keys changed; also return what was checked.

    Checked are the touched entries, all that mention one of their names, and circles.
    """
    starts = set(touched)
    for _, name in tuple(starts):
        starts |= catalog.referrers.get(name, frozenset())
    starts |= {key for key, found in catalog.findings.items() if _mentions_circle(found)}
    circle = circles(starts, lambda key: _dependencies(catalog, key))
    findings = dict(catalog.findings)
    checked = starts | circle.keys()
    for key in checked:
        found = _findings(catalog, key, circle)
        if found:
            findings[key] = found
        else:
            findings.pop(key, None)
    return findings, checked


def all_findings(catalog: Catalog) -> Findings:
    """Return the findings of a whole catalog, made anew."""
    return findings_after(replace(catalog, findings={}), catalog.entries)[0]


def _mentions_circle(found: tuple[Problem, ...]) -> bool:
    return any(problem.code == CIRCULAR for problem in found)


def _resolve(catalog: Catalog, reference: Reference) -> Resolved:
    entry = catalog.entries.get(("item", reference.name))
    if entry is None and reference.type == "replacement":
        entry = catalog.entries.get(("bundle", reference.name))
    return resolve(
        reference.name,
        reference.range,
        version=entry.document.version if entry is not None and entry.active else None,
        follower=catalog.aliases.get(reference.name),
        removed=entry is not None,
    )


def resolve(
    name: str, wanted: str, *, version: str | None, follower: str | None, removed: bool
) -> Resolved:
    """Say what the item of a name comes to for who wants a range of its versions.

    ``version`` is that of the active item, None: there is none; then ``follower`` is the name that
    was taken in its place, and ``removed`` whether it ever was there.
    """
    if version is None:
        return Resolved(name, wanted, None, _absence(name, follower, removed=removed))
    if version_in_range(version, wanted):
        return Resolved(name, wanted, version)
    return Resolved(name, wanted, None, f"'{name}' is at version {version}, outside {wanted}")


def _absence(name: str, follower: str | None, *, removed: bool) -> str:
    if follower is not None:
        return f"'{name}' is now called '{follower}'"
    if removed:
        return f"'{name}' was removed from the catalog"
    return f"there is no item '{name}' in the catalog"


def _dependencies(catalog: Catalog, key: Key) -> list[Key]:
    entry = catalog.entries.get(key)
    if entry is None or not entry.active:
        return []
    references = entry.document.references
    return [("item", found.name) for found in references if found.type == "dependency"]


def _findings(catalog: Catalog, key: Key, circle: Mapping[Key, int]) -> tuple[Problem, ...]:
    entry = catalog.entries.get(key)
    if entry is None or not entry.active:
        return ()
    found = []
    for reference in _references_in_place(catalog, entry):
        resolved = _resolve(catalog, reference)
        if resolved.version is None:
            found.append(_unresolved(catalog, entry, reference, resolved))
        elif reference.type == "dependency" and _same_circle(circle, key, reference.name):
            found.append(_circular(catalog, entry, reference))
    return tuple(found)


def _references_in_place(catalog: Catalog, entry: Entry) -> tuple[Reference, ...]:
    """Return an entry's references where they stand now: its file may have moved its lines."""
    document = catalog.files[entry.path].file.document
    if document is not None and document.content_hash == entry.document.content_hash:
        return document.references
    return entry.document.references


def _unresolved(
    catalog: Catalog, entry: Entry, reference: Reference, resolved: Resolved
) -> Problem:
    code = "unresolved-item" if reference.type in _PARTS else "unknown-reference"
    hint = "name an active item" + (", or change the range" if reference.range else "")
    if reference.name in catalog.aliases:
        hint = f"write '{catalog.aliases[reference.name]}'"
    return _problem(catalog, entry, reference, code, resolved.reason, hint)


def _same_circle(circle: Mapping[Key, int], key: Key, name: str) -> bool:
    return key in circle and circle[key] == circle.get(("item", name))


def _circular(catalog: Catalog, entry: Entry, reference: Reference) -> Problem:
    message = f"'{entry.document.name}' depends on '{reference.name}', which leads back to it"
    hint = "take one of the dependencies out of the circle"
    return _problem(catalog, entry, reference, CIRCULAR, message, hint)


def _problem(
    catalog: Catalog, entry: Entry, reference: Reference, code: str, message: str, hint: str
) -> Problem:
    return Problem(
        code=code,
        severity="warning",
        message=message,
        path=entry.path,
        line=reference.place.line,
        column=reference.place.column,
        pointer=reference.pointer,
        hint=hint,
        document=entry.document.name,
        commit=catalog.files[entry.path].commit,
    )
