"""What entries say of each other: the parts of bundles, and references that lead nowhere.

All of it is a function of the catalog's files, entries and aliases at one commit, not of how they
came about. The findings are warnings: one file's removal must not make another file bad.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial

from paod.catalog.circles import circles
from paod.model import Catalog, Document, Entry, Key, Kind, Place, Problem, Reference, Resolved
from paod.versions import version_in_range

CIRCULAR = "circular-dependency"
NO_RENAME = "rename-without-effect"
_CIRCULAR_WAYS: Mapping[str, tuple[str, str]] = {
    "dependency": ("depends on", "dependencies"),
    "replacement": ("is to be replaced by", "replacements"),
}
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
    round_ways = {way: circles(starts, partial(_ways, catalog, way=way)) for way in _CIRCULAR_WAYS}
    findings = dict(catalog.findings)
    checked = starts.union(*round_ways.values())
    for key in checked:
        found = _findings(catalog, key, round_ways)
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
    entry = _meant(catalog, reference)
    return resolve(
        reference.name,
        reference.range,
        version=entry.document.version if entry is not None and entry.active else None,
        follower=_follower(catalog, reference),
        removed=entry is not None,
    )


def _kinds(reference: Reference) -> tuple[Kind, ...]:
    """Return what a reference may lead to: only a replacement may be a bundle."""
    return ("item", "bundle") if reference.type == "replacement" else ("item",)


def _meant(catalog: Catalog, reference: Reference) -> Entry | None:
    """Return the entry that a reference leads to: an active one, else one that was removed."""
    keys = [(kind, reference.name) for kind in _kinds(reference)]
    found = [catalog.entries[key] for key in keys if key in catalog.entries]
    return next((entry for entry in found if entry.active), found[0] if found else None)


def _follower(catalog: Catalog, reference: Reference) -> str | None:
    names = (catalog.aliases.get((kind, reference.name)) for kind in _kinds(reference))
    return next((name for name in names if name is not None), None)


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


def _leads_to(catalog: Catalog, reference: Reference) -> Key:
    entry = _meant(catalog, reference)
    return ("item", reference.name) if entry is None else entry.key


def _ways(catalog: Catalog, key: Key, way: str) -> list[Key]:
    """Return what an entry depends on, or what replaces it: ``way`` is the references' type."""
    entry = catalog.entries.get(key)
    if entry is None or not entry.active:
        return []
    references = entry.document.references
    return [_leads_to(catalog, reference) for reference in references if reference.type == way]


def _findings(
    catalog: Catalog, key: Key, round_ways: Mapping[str, Mapping[Key, int]]
) -> tuple[Problem, ...]:
    entry = catalog.entries.get(key)
    if entry is None or not entry.active:
        return ()
    found = []
    document = _in_place(catalog, entry)
    for reference in document.references:
        resolved = _resolve(catalog, reference)
        circle = round_ways.get(reference.type, {})
        if resolved.version is None:
            found.append(_unresolved(catalog, entry, reference, resolved))
        elif key in circle and circle[key] == circle.get(_leads_to(catalog, reference)):
            found.append(_circular(catalog, entry, reference))
    former = document.renamed_from
    if former is not None and former not in entry.former_names:
        found.append(_no_rename(catalog, entry, document, former))
    return tuple(found)


def _in_place(catalog: Catalog, entry: Entry) -> Document:
    """Return an entry's document with its places as they are now: its file may have moved lines."""
    document = catalog.files[entry.path].file.document
    if document is not None and document.content_hash == entry.document.content_hash:
        return document
    return entry.document


def _no_rename(catalog: Catalog, entry: Entry, document: Document, former: str) -> Problem:
    kind, name = entry.key
    holder = catalog.entries.get((kind, former))
    if holder is not None and holder.active:
        message = f"'{former}' is still there ({holder.path}), so '{name}' is {_a(kind)} of its own"
        hint = f"take {holder.path} away, or remove renamed_from"
    elif (kind, former) in catalog.aliases:
        message = f"'{former}' is now called '{catalog.aliases[kind, former]}'"
        hint = "only one document can go on with a former name's history; remove renamed_from"
    else:
        message = f"the catalog has had no {kind} '{former}' that '{name}' could go on with"
        hint = "write the name that it had before, or remove renamed_from"
    at = "/renamed_from", document.renamed_place
    return _problem(catalog, entry, at, NO_RENAME, message, hint)


def _a(kind: Kind) -> str:
    return "an item" if kind == "item" else "a bundle"


def _unresolved(
    catalog: Catalog, entry: Entry, reference: Reference, resolved: Resolved
) -> Problem:
    code = "unresolved-item" if reference.type in _PARTS else "unknown-reference"
    hint = "name an active item" + (", or change the range" if reference.range else "")
    follower = _follower(catalog, reference)
    if follower is not None:
        hint = f"write '{follower}'"
    at = reference.pointer, reference.place
    return _problem(catalog, entry, at, code, resolved.reason, hint)


def _circular(catalog: Catalog, entry: Entry, reference: Reference) -> Problem:
    way, ways = _CIRCULAR_WAYS[reference.type]
    message = f"'{entry.document.name}' {way} '{reference.name}', which leads back to it"
    hint = f"take one of the {ways} out of the circle"
    at = reference.pointer, reference.place
    return _problem(catalog, entry, at, CIRCULAR, message, hint)


def _problem(
    catalog: Catalog,
    entry: Entry,
    at: tuple[str, Place],
    code: str,
    message: str,
    hint: str,
) -> Problem:
    """``at``: the pointer and the place."""
    pointer, place = at
    return Problem(
        code=code,
        severity="warning",
        message=message,
        path=entry.path,
        line=place.line,
        column=place.column,
        pointer=pointer,
        hint=hint,
        document=entry.document.name,
        commit=catalog.files[entry.path].commit,
    )
