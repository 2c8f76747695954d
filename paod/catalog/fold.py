"""The fold: the catalog at a commit, from the branch's history up to it and from nothing else.

Each step is one commit's difference to its first parent. Its changed files are laid into the
catalog, the names that they claim or held are settled together, and what follows from that is
published as revisions. After the last step the entries are held against each other.
"""

from __future__ import annotations

from collections.abc import Iterable

from paod.catalog.draft import Draft, names_of
from paod.catalog.publish import publish
from paod.catalog.resolution import findings_after
from paod.catalog.settle import settle
from paod.model import Catalog, FileState, Folded, Step, VersionPolicy


def fold(before: Catalog, steps: Iterable[Step], policy: VersionPolicy) -> Folded:
    """Fold steps, oldest first, onto a catalog; onto ``Catalog()`` for a fold that starts anew.

    ``before`` is not changed. The cost is that of the steps and of what hangs on their names.
    """
    draft = Draft(before)
    for step in steps:
        _advance(draft, step, policy)
    findings, checked = findings_after(draft.catalog(), draft.touched_keys)
    draft.findings = findings
    draft.touched_keys |= checked
    draft.touched_paths |= {draft.entries[key].path for key in checked & draft.entries.keys()}
    return draft.folded()


def _advance(draft: Draft, step: Step, policy: VersionPolicy) -> None:
    moved = _moved(draft, step)
    came_from = {new: old for old, new in moved.items()}
    before = {path: draft.files.get(came_from.get(path, path)) for path, _ in step.changes}
    names = names_of(before.values())
    for path, file in step.changes:
        former = before[path]
        if file is not None:
            serves = None if former is None else former.serves
            since = None if former is None else former.stale_since
            draft.put_file(FileState(path, file, step.commit.hash, serves, since))
        elif path in draft.files:
            draft.drop_file(path)
    names |= names_of(draft.files.get(path) for path, _ in step.changes)
    first = not (draft.entries and draft.hash)
    while names:
        settlement = settle(draft, names, moved, policy)
        names = publish(draft, step.commit, settlement, first=first)
        moved = {}
    draft.commit, draft.hash = step.commit, step.commit.hash


def _moved(draft: Draft, step: Step) -> dict[str, str]:
    """Pair each file that went away with one that came in with the same bytes: old path → new.

    Only this tells that a broken file moved; a good one is known by the name in it. Of several
    with the same bytes, the first in byte order go together.
    """
    gone: dict[str, list[str]] = {}
    for path, file in sorted(step.changes, key=lambda change: change[0], reverse=True):
        if file is None and path in draft.files:
            gone.setdefault(draft.files[path].file.oid, []).append(path)
    moved = {}
    for path, file in sorted(step.changes, key=lambda change: change[0]):
        if file is not None and path not in draft.files and gone.get(file.oid):
            moved[gone[file.oid].pop()] = path
    return moved
