"""What commits, trees and files say, asked of any open repository: the mirror's or a checkout's."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import islice

import pygit2

from paod.errors import Blocked
from paod.mirror.history import History, Line
from paod.mirror.objects import Objects
from paod.mirror.trees import Limits, Node, Trees
from paod.model import Commit, TreeChange


class Source:
    """A repository that can be read. Whoever opens one gives it to ``_read_from``.

    ``root`` is the catalog root in the repository, ``a/b`` or "" for the whole tree. Where it is
    ``below`` a folder of the repository, paths of changes are from that folder too.
    """

    def __init__(self, root: str, limits: Limits | None = None, below: str = "") -> None:
        self._name = _joined(root)
        self._root = _joined(f"{below}/{root}")
        self._limits = limits or Limits()

    def _read_from(
        self, repository: pygit2.Repository, shallow: Collection[str] = (), whose: str = ""
    ) -> None:
        """Answer from this repository; ``shallow`` are commits whose parents it does not have.

        ``whose``: the folder of an author's repository, "" for the mirror.
        """
        self._repository = repository
        self._objects = Objects(repository, shallow, whose)
        self._history = History(self._objects)
        self._trees = Trees(self._objects, self._limits)

    # commits

    def commit(self, oid: str) -> Commit:
        """Return what history shows of a commit."""
        return self._history.commit(oid)

    def line(self, tip: str, applied: str | None, depth: int) -> Line:
        """Return the first-parent commits after ``applied`` up to ``tip``, oldest first.

        Where ``applied`` is not among the last ``depth`` ones, all of those, to start anew with.
        Commits that cannot be read are left out; raises ``Blocked`` where the tip is one of them.
        """
        return self._history.line(tip, applied, depth)

    def on_line(self, commit: str, tip: str, depth: int) -> bool:
        """Whether a commit is one of the last ``depth`` on the first-parent line of ``tip``."""
        return commit in islice(self._history.first_parents(tip), depth)

    def is_ancestor(self, commit: str, tip: str) -> bool:
        """Whether ``tip`` has ``commit`` in its history, by any parent. Unknown: False."""
        if commit == tip:
            return True
        if not self._objects.has_commit(commit) or not self._objects.has_commit(tip):
            return False
        try:
            return self._repository.descendant_of(tip, commit)
        except (pygit2.GitError, KeyError, ValueError):  # a malformed commit ends libgit2's walk
            return commit in self._history.first_parents(tip)

    def merge_base(self, one: str, other: str) -> str:
        """Return the best common ancestor of two commits; raise ``Blocked`` where none is known."""
        try:
            base: object = self._repository.merge_base(one, other)
        except (pygit2.GitError, KeyError, ValueError):  # a malformed commit ends libgit2's walk
            base = self._base_by_first_parents(one, other)
        if base is None:
            raise Blocked(
                f"commits {one[:12]} and {other[:12]} have no commit in common",
                "fetch the whole history: git fetch --unshallow"
                if self._objects.shallow
                else "base one of them on the other",
                reason="NoCommonHistory",
            )
        return str(base)

    def _base_by_first_parents(self, one: str, other: str) -> str | None:
        line = set(self._history.first_parents(other))
        return next((oid for oid in self._history.first_parents(one) if oid in line), None)

    # trees and files

    def check_size(self, commit: str) -> None:
        """Raise ``Blocked`` where the tree under the root is over the limits."""
        self._trees.check_size(self._root_of(commit))

    def changes(self, old: str | None, new: str) -> Iterator[TreeChange]:
        """Yield what differs under the root between two commits; ``old`` None: the empty tree.

        In byte order of paths. Raises ``Blocked`` before the first one where the new tree is over
        the limits, ``MirrorBroken`` where an object is missing.
        """
        before = None if old is None else self._root_of(old)
        after = self._root_of(new)
        self._trees.check_size(after)
        yield from self._trees.changes(before, after, self._name)

    def size(self, oid: str) -> int:
        """Return a file's size in bytes, from its header alone."""
        return self._objects.kind(oid)[1]

    def read(self, oid: str, limit: int) -> bytes | int:
        """Return a file's bytes, or only its size where that is above ``limit`` bytes."""
        return self._objects.read_within(oid, "blob", limit)

    def likely_roots(self, commit: str, most: int = 3) -> list[str]:
        """Return the first top-level folders of a commit that look like a catalog's root."""
        tree = self._history.tree_of(commit)
        return list(islice(self._trees.with_documents(tree), most)) if tree else []

    def _root_of(self, commit: str) -> Node | None:
        return self._trees.root(self._history.tree_of(commit), self._root)


def _joined(path: str) -> bytes:
    return "/".join(part for part in path.split("/") if part not in ("", ".")).encode()
