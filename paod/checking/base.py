"""The commit that a checkout is held against: what was published there, which files differ."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from paod.catalog.fold import fold
from paod.mirror import Checkout
from paod.model import Catalog, EntryType, ExaminedFile, FileState
from paod.sync.steps import Reader
from paod.validate import Rules

DEPTH = 1000
"""First-parent commits whose versions count as published, as a daemon has it."""


class Base:
    """The commit that was named, or else the branch that work is based on.

    ``top`` is the repository's folder, ``below`` where in it the checked folder lies. Raises
    ``CommitNotFound`` where the name leads nowhere.
    """

    def __init__(self, top: Path, below: str, rules: Rules, revision: str | None) -> None:
        self._git = Checkout(top, rules.root, below)
        self._rules = rules
        self.commit = self._git.resolve(revision or self._git.upstream())

    def published(self, examined: Mapping[str, ExaminedFile]) -> Catalog:
        """Return the catalog at the commit, with every version that its history published."""
        return self._folded(self.commit, DEPTH, examined)

    def branched_from(self) -> str:
        """Return the merge base: the last commit that HEAD and the named one have in common."""
        return self._git.merge_base(self._git.resolve("HEAD"), self.commit)

    def before(self, commit: str, examined: Mapping[str, ExaminedFile]) -> Catalog:
        """Return the catalog that a commit's tree alone makes."""
        return self._folded(commit, 1, examined)

    def changed(self, commit: str, examined: Mapping[str, ExaminedFile]) -> set[str]:
        """Return the files that are not as they are in a commit: other bytes, or not there."""
        there = {
            change.path: (change.oid, change.type) for change in self._git.changes(None, commit)
        }
        return {path for path, file in examined.items() if not _same(there.get(path), file)}

    def _folded(self, tip: str, depth: int, examined: Mapping[str, ExaminedFile]) -> Catalog:
        """Fold history up to a commit; what has the same bytes here is not examined again."""
        known = {path: FileState(path, file, "") for path, file in examined.items()}
        self._git.complete([tip], depth)
        reader = Reader(self._git, self._rules, known, (), lambda _oid, _path: None)
        steps = reader.steps(self._git.line(tip, None, depth).commits, None)
        return fold(Catalog(), steps, "warn").catalog


def _same(there: tuple[str | None, EntryType] | None, file: ExaminedFile) -> bool:
    """Compare by bytes; of what is not read (a link, a large file) only that it is there too."""
    return there is not None and (not file.oid or there[0] == file.oid)
