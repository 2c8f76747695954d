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
    names = _claimed([*was, *changes.values()])
    again = {path for name in names for path in draft.claimants.get(name, ())}
    for path in again:
        draft.put_file(replace(draft.files[path], serves=None))
    keys: set[Key] = {(kind, name) for kind in KINDS for name in names}
    for key in keys & draft.entries.keys():
        draft.drop_entry(key)
    step = {**{path: draft.files[path].file for path in again}, **changes}
    catalog = fold(
        draft.catalog(), [Step(UNCOMMITTED, tuple(sorted(step.items())))], "warn"
    ).catalog
    return replace(catalog, findings=findings_after(catalog, keys)[0])


def _claimed(files: Iterable[ExaminedFile | None]) -> set[str]:
    return {file.document.name for file in files if file is not None and file.document is not None}
