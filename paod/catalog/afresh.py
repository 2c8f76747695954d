"""The catalog of a folder that is being edited: what it holds now, whatever it held before.

A fold remembers: last good documents, removed entries, who held a name first. Files that are not
committed have no history to remember, so this gives what one commit of all of them would give,
without folding those again that nothing leads to from what changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from paod.catalog.draft import KINDS, Draft
from paod.catalog.fold import fold
from paod.catalog.resolution import findings_after
from paod.model import Catalog, Commit, ExaminedFile, Key, Step

UNCOMMITTED = Commit("", "", "", "")

Changes = Mapping[str, ExaminedFile | None]


def fold_afresh(before: Catalog, changes: Changes) -> Catalog:
    """Return the catalog after these changes, as if its files had never held anything else.

    ``before`` is ``Catalog()`` or comes from here. The cost is that of the changes and of what
    hangs on their names.
    """
    draft = Draft(before)
    was = (draft.files[path].file for path in changes if path in draft.files)
    names, again = _hanging_on(draft, _claimed([*was, *changes.values()]))
    for path in again:
        draft.put_file(replace(draft.files[path], serves=None))
    keys: set[Key] = {(kind, name) for kind in KINDS for name in names}
    for key in keys & draft.entries.keys():
        draft.drop_entry(key)
        draft.published.forget(key)
    step = {**{path: draft.files[path].file for path in again}, **changes}
    catalog = fold(
        draft.catalog(), [Step(UNCOMMITTED, tuple(sorted(step.items())))], "warn"
    ).catalog
    return replace(catalog, findings=findings_after(catalog, keys)[0])


def _hanging_on(draft: Draft, claimed: set[str]) -> tuple[set[str], set[str]]:
    """Follow names to the files that claim them, and on; return all names and all paths."""
    names, paths = set(claimed), set[str]()
    open_names = set(claimed)
    while open_names:
        new = set(draft.claimants.get(open_names.pop(), ())) - paths
        paths |= new
        open_names |= _claimed(draft.files[path].file for path in new) - names
        names |= open_names
    return names, paths


def _claimed(files: Iterable[ExaminedFile | None]) -> set[str]:
    documents = (file.document for file in files if file is not None)
    return {name for document in documents if document is not None for name in document.claims}
