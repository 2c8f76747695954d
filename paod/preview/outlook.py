"""What a plan would change, told in JSON: each document with its differences and their effects.

Bounded, since it is stored with a sync's row and sent as one answer: what is left out is counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from paod.catalog.plan import served
from paod.catalog.problems import problems_of
from paod.difference import differences
from paod.model import (
    WORKING_TREE,
    Catalog,
    CatalogChange,
    Entry,
    Plan,
    PlannedEntry,
    Problem,
    Stored,
)
from paod.preview.effects import effects

Json = dict[str, Any]

MOST_CHANGES = 500
MOST_LINES = 50
"""Differences of one document, and effects of one."""
MOST_PROBLEMS = 200
MOST_OVERLAPS = 100
MOST_BYTES = 500_000
"""Of all effects and differences together; the documents after that have none shown."""
MOST_VALUE = 2_000
"""Bytes of JSON; a larger value is not shown, only that it is another."""

NOTHING: Json = {
    "breaking": False,
    "merge_base": None,
    "counts": {},
    "changes": [],
    "problems": {"new": [], "cleared": []},
    "overlaps": [],
    "left_out": {"changes": 0, "problems": 0},
}
"""The outlook of a plan that changes nothing."""


def outlook(
    before: Stored, plan: Plan, merge_base: str | None = None, overlaps: Sequence[str] = ()
) -> Json:
    """Return what readers, orderers and authors would notice of a plan.

    ``merge_base`` is the commit that a proposal branched off from, ``overlaps`` the paths that the
    branch has changed since as well: how those merge, nobody knows yet.
    """
    entries = {planned.entry.key: planned for planned in plan.entries}
    told = [_change(before.catalog, entries[(one.kind, one.name)], one) for one in plan.changes]
    told.sort(key=lambda one: not one["breaking"])
    new, cleared = _problems(before.catalog, plan)
    return {
        "breaking": any(one["breaking"] for one in told),
        "merge_base": merge_base,
        "counts": dict(Counter(change.change for change in plan.changes)),
        "changes": _within_budget(told[:MOST_CHANGES]),
        "problems": {"new": new[:MOST_PROBLEMS], "cleared": cleared[:MOST_PROBLEMS]},
        "overlaps": sorted(overlaps)[:MOST_OVERLAPS],
        "left_out": {
            "changes": max(0, len(told) - MOST_CHANGES),
            "problems": sum(max(0, len(found) - MOST_PROBLEMS) for found in (new, cleared)),
        },
    }


def told(sync: Mapping[str, Any], found: Mapping[str, Any]) -> Json:
    """Return a dry run as its asker reads it: how it would end, then what that means.

    ``sync`` has the keys of a sync's row.
    """
    return {
        "sync_id": sync["sync_id"],
        "ref": sync["requested_ref"] or sync["requested_commit"],
        "branch": sync["branch"],
        "status": sync["status"],
        "reason": sync["reason"],
        "message": sync["message"],
        "from_commit": sync["from_commit"],
        "to_commit": sync["to_commit"],
        **found,
    }


def _change(before: Catalog, planned: PlannedEntry, change: CatalogChange) -> Json:
    former = None if planned.row is None else before.entries.get(planned.row)
    if former is not None and not former.active:
        former = None
    lines = [] if former is None else _differences(former, planned.entry)
    found = [] if former is None else _effects(before, former, planned, change)
    return {
        "kind": change.kind,
        "name": change.name,
        "change": change.change,
        "renamed_from": change.renamed_from,
        "version": change.version,
        "version_before": None if former is None else former.document.version,
        "path": planned.entry.path,
        "path_before": None if former is None else former.path,
        "breaking": any(effect["breaking"] for effect in found),
        "effects": [_abridged(effect) for effect in found[:MOST_LINES]],
        "differences": [_abridged(line) for line in lines[:MOST_LINES]],
        "left_out": max(0, len(lines) - MOST_LINES) + max(0, len(found) - MOST_LINES),
    }


def _within_budget(changes: list[Json]) -> list[Json]:
    """Take the lines from those documents with which all lines together become too many bytes."""
    spent, kept = 0, []
    for change in changes:
        lines = len(change["effects"]) + len(change["differences"])
        size = len(orjson.dumps((change["effects"], change["differences"])))
        if spent + size > MOST_BYTES:
            left_out = change["left_out"] + lines
            change = change | {"effects": [], "differences": [], "left_out": left_out}
        else:
            spent += size
        kept.append(change)
    return kept


def _differences(former: Entry, entry: Entry) -> list[Json]:
    if not entry.active or former.document.content == entry.document.content:
        return []
    return [line.as_json() for line in differences(_content(former), _content(entry))]


def _effects(
    before: Catalog, former: Entry, planned: PlannedEntry, change: CatalogChange
) -> list[Json]:
    """Return the effects, the breaking ones first."""
    found = effects(
        change.change,
        _content(former),
        _content(planned.entry),
        served(before, former),
        planned.served,
    )
    return [effect.as_json() for effect in sorted(found, key=lambda one: not one.breaking)]


def _content(entry: Entry) -> Json:
    content: Json = orjson.loads(entry.document.content)
    return content


def _abridged(line: Json) -> Json:
    large = [
        key
        for key in ("before", "after")
        if key in line and len(orjson.dumps(line[key])) > MOST_VALUE
    ]
    if not large:
        return line
    return {key: value for key, value in line.items() if key not in large} | {"abridged": True}


def _problems(before: Catalog, plan: Plan) -> tuple[list[Json], list[Json]]:
    """Return the problems that come and those that go; one whose line moved does neither."""
    new: list[Json] = []
    cleared: list[Json] = []
    paths = {*plan.problems, *plan.files, *(before.files if plan.replace_problems else ())}
    for path in sorted(paths):
        old = _by_identity(problems_of(before, path))
        now = _by_identity(plan.problems.get(path, ()))
        new += [problem for identity, problem in now.items() if identity not in old]
        cleared += [problem for identity, problem in old.items() if identity not in now]
    return _errors_first(new), _errors_first(cleared)


def _by_identity(problems: Iterable[Problem]) -> Mapping[tuple[str, ...], Json]:
    return {
        (one.code, one.severity, one.pointer, one.message): _shown(one).as_json()
        for one in problems
    }


def _shown(problem: Problem) -> Problem:
    return replace(problem, commit=None) if problem.commit == WORKING_TREE else problem


def _errors_first(problems: list[Json]) -> list[Json]:
    return sorted(problems, key=lambda one: str(one["severity"]))
