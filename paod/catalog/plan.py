"""The plan: what is stored and what the fold found → everything that a sync will write.

A fold that went on from the applied commit gives every step's revisions. A fold that started anew
on a catalog with a history gives one revision for each entry that differs from what is stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import replace
from functools import lru_cache
from posixpath import dirname

from paod.catalog.problems import error_count, problems_of
from paod.catalog.resolution import parts
from paod.catalog.rows import Row, compare_rows, continue_rows
from paod.model import (
    Catalog,
    CatalogChange,
    Counts,
    Entry,
    FileState,
    Folded,
    Identity,
    Key,
    Kind,
    NetChange,
    Plan,
    PlannedEntry,
    PlannedRevision,
    Problem,
    Served,
    Stored,
)
from paod.model.published import Pair, Published

Past = Mapping[Key, AbstractSet[Pair]]
"""What is stored as published, where the fold started from scratch: by the rows' keys."""

UPDATES: frozenset[NetChange] = frozenset({"changed", "moved", "renamed"})


def plan(stored: Stored, folded: Folded, *, anew: bool) -> Plan:
    """Decide what to write so that the store holds ``folded.catalog``.

    ``anew``: the fold started from nothing, and is compared with what is stored.
    """
    after = folded.catalog
    rows = _rows(stored, folded, anew)
    past = stored.catalog.published.everything(stored.catalog.entries) if anew else {}
    pairs = [
        _planned(stored, after, rows, key, past)
        for key in sorted(_keys(stored, folded, rows, anew))
    ]
    entries = tuple(entry for entry, _ in pairs if entry is not None)
    changes = tuple(change for _, change in pairs if change is not None)
    problems = {path: problems_of(after, path) for path in sorted(_paths(stored, folded, anew))}
    return Plan(
        after=_after(stored, after, entries, problems, anew),
        revisions=_revisions(rows),
        entries=entries,
        files=_files(stored.catalog, after, problems),
        problems=problems,
        replace_problems=anew,
        aliases=_aliases(stored.catalog, folded, anew),
        changes=changes,
        items=_counts("item", changes),
        bundles=_counts("bundle", changes),
    )


def _rows(stored: Stored, folded: Folded, anew: bool) -> dict[Key, Row]:
    if anew and stored.identities and folded.commit is not None:
        return compare_rows(stored, folded.catalog, folded.commit)
    return continue_rows(stored, folded.revisions)


def _keys(stored: Stored, folded: Folded, rows: Mapping[Key, Row], anew: bool) -> set[Key]:
    keys = {*folded.touched_keys, *rows}
    if anew:
        keys |= folded.catalog.entries.keys() | stored.catalog.entries.keys()
    renamed = {row.stored for row in rows.values() if row.stored is not None} - rows.keys()
    return keys - renamed


def _aliases(before: Catalog, folded: Folded, anew: bool) -> dict[Key, str | None]:
    after = folded.catalog.aliases
    names = before.aliases.keys() | after.keys() if anew else folded.touched_keys
    return {
        name: after.get(name)
        for name in sorted(names)
        if before.aliases.get(name) != after.get(name)
    }


def _paths(stored: Stored, folded: Folded, anew: bool) -> set[str]:
    if anew:
        return {*stored.catalog.files, *folded.catalog.files}
    return set(folded.touched_paths)


def _revisions(rows: Mapping[Key, Row]) -> tuple[PlannedRevision, ...]:
    return tuple(
        PlannedRevision(revision, row.key, row.number - len(row.revisions) + place)
        for _, row in sorted(rows.items())
        for place, revision in enumerate(row.revisions, start=1)
    )


def _planned(
    stored: Stored, after: Catalog, rows: Mapping[Key, Row], key: Key, past: Past
) -> tuple[PlannedEntry | None, CatalogChange | None]:
    """Return how one row shall be, if it differs, and what readers are told of it, if they see."""
    row = rows.get(key) or _untouched(stored, key)
    before = None if row.stored is None else stored.catalog.entries.get(row.stored)
    entry = after.entries.get(key) or _off_the_line(row, before)
    if entry is None:
        return None, None
    old = Served() if row.stored is None else stored.served.get(row.stored, Served())
    new = served(after, entry)
    other = row.stored != key or before is None or _view(before) != _view(entry)
    visible = other or old != new
    published = _published(after, row, past)
    same = entry == before and not (row.stored in past and _differs(published))
    if not visible and same and key in after.entries:
        return None, None
    was_active = row.stored is not None and stored.identities[row.stored].active
    kind = _net_change(row, before if was_active else None, entry, old, new) if visible else None
    parts_only = not other and old.stale == new.stale
    planned = PlannedEntry(entry, new, row.stored, row.number, visible, parts_only, published)
    return planned, None if kind is None else _change(planned, kind)


def _published(after: Catalog, row: Row, past: Past) -> Published:
    """Return what shall be published under a row; where all was folded, by the difference."""
    if row.key not in after.entries:
        return Published()
    change = after.published.change(row.key)
    if row.stored is None or row.stored not in past:
        return change
    now, then = frozenset(change.added), past[row.stored]
    return Published((row.stored,), tuple(sorted(now - then)), tuple(sorted(then - now)))


def _differs(published: Published) -> bool:
    return bool(published.added or published.dropped)


def _untouched(stored: Stored, key: Key) -> Row:
    identity = stored.identities.get(key)
    return Row(key, None, 0) if identity is None else Row(key, key, identity.revision)


def _off_the_line(row: Row, before: Entry | None) -> Entry | None:
    """Return the entry of a row that the history followed now knows nothing of."""
    if not row.revisions:
        return before
    last = row.revisions[-1]
    return Entry(last.document, last.path, last.commit, active=False)


def served(catalog: Catalog, entry: Entry) -> Served:
    """Return what readers see of an entry beyond its document."""
    if not entry.active:
        return Served()
    since = catalog.files[entry.path].stale_since
    stale = None if since is None else (since, error_count(catalog, entry.path))
    return Served(stale, parts(catalog, entry.key))


def _view(entry: Entry) -> tuple[object, ...]:
    """Return what readers see of an entry; of a removed one, what lists show and who did it."""
    document = entry.document
    if entry.active:
        return document.content_hash, document.source_hash, entry.path, entry.commit, True
    return *_listed(document.content), dirname(entry.path), entry.commit, False


@lru_cache(maxsize=1024)
def _listed(content: str) -> tuple[str, ...]:
    said = json.loads(content)
    if not isinstance(said, dict):
        return (content,)
    return tuple(json.dumps(said.get(key)) for key in ("version", "description", "owner", "tags"))


def _net_change(
    row: Row, before: Entry | None, entry: Entry, old: Served, new: Served
) -> NetChange | None:
    """Name what became of an entry. ``before`` is None unless readers saw it as active."""
    if not entry.active:
        return None if before is None else "removed"
    if before is None:
        return "added" if row.stored is None else "restored"
    if row.stored != row.key:
        return "renamed"
    if before.document.content_hash != entry.document.content_hash:
        return "changed"
    if before.path != entry.path:
        return "moved"
    if old.stale != new.stale:
        return "fresh" if new.stale is None else "stale"
    return "resolution" if old.parts != new.parts else "changed"


def _change(planned: PlannedEntry, change: NetChange) -> CatalogChange:
    document = planned.entry.document
    former = None
    if planned.row is not None and planned.row[1] != document.name:
        former = planned.row[1]
    return CatalogChange(
        document.kind, document.name, change, document.version, planned.revision, former
    )


def _counts(kind: Kind, changes: Iterable[CatalogChange]) -> Counts:
    found = [change.change for change in changes if change.kind == kind]
    return Counts(
        added=sum(change in ("added", "restored") for change in found),
        updated=sum(change in UPDATES for change in found),
        removed=found.count("removed"),
    )


def _differ(before: FileState | None, after: FileState | None) -> bool:
    """Return whether a file's row has to be written, be it for the count of its work alone.

    Else a count of former rules would be summed up again, and a commit be too costly or not by what
    was stored when.
    """
    if before is None or after is None:
        return before is not after
    return before != after or before.file.units != after.file.units


def _files(before: Catalog, after: Catalog, paths: Iterable[str]) -> dict[str, FileState | None]:
    return {
        path: after.files.get(path)
        for path in paths
        if _differ(before.files.get(path), after.files.get(path))
    }


def _after(
    stored: Stored,
    after: Catalog,
    entries: Iterable[PlannedEntry],
    problems: Mapping[str, tuple[Problem, ...]],
    anew: bool,
) -> Stored:
    identities, told = dict(stored.identities), dict(stored.served)
    for planned in entries:
        if planned.row is not None:
            identities.pop(planned.row, None)
            told.pop(planned.row, None)
    for planned in entries:
        identities[planned.entry.key] = Identity(planned.revision, planned.entry.active)
        if planned.served != Served():
            told[planned.entry.key] = planned.served
    now = _severities(problems.values())
    was = (0, 0) if anew else _severities(problems_of(stored.catalog, path) for path in problems)
    base = (0, 0) if anew else (stored.errors, stored.warnings)
    return replace(
        stored,
        catalog=after,
        identities=identities,
        served=told,
        errors=base[0] - was[0] + now[0],
        warnings=base[1] - was[1] + now[1],
    )


def _severities(groups: Iterable[Iterable[Problem]]) -> tuple[int, int]:
    found = [problem.severity for group in groups for problem in group]
    return found.count("error"), found.count("warning")
