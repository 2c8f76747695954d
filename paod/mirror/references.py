"""The mirror's references: the branch as last fetched, and the commits held beside it.

Their names are the same whatever the branch is called: one made from it would stand in the way of
the next branch (``release`` and ``release/1`` cannot both be files). Which branch it is stands in
the mirror's config.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pygit2
from pygit2.enums import RepositoryOpenFlag

from paod.errors import MirrorBroken

_UNREADABLE = (pygit2.GitError, KeyError, ValueError, OSError)
"""What libgit2's references raise where a file of theirs is gone, locked or garbage."""

BRANCH = "refs/paod/branch"
_OURS = "refs/paod/"
_FORMER = "refs/paod/former/"
_BESIDE = "refs/paod/beside"
_MOST_FORMER = 20
_KEPT = "refs/kept/"
APPLIED = f"{_KEPT}applied"
_FOLLOWED = "paod.branch"


@contextmanager
def _translated(what: str) -> Iterator[None]:
    try:
        yield
    except _UNREADABLE as error:
        raise MirrorBroken(f"{what} of the mirror cannot be used: {error}") from error


class References:
    """The references of an open mirror."""

    def __init__(self, repository: pygit2.Repository) -> None:
        self._repository = repository

    def follow(self, branch: str) -> None:
        """Forget what was fetched of another branch; the applied commit stays."""
        self._drop(_BESIDE)
        with _translated("the configuration"):
            config = self._repository.config
            if _FOLLOWED in config and config[_FOLLOWED] == branch:
                return
        for name in self._names(_OURS):
            self._delete(name)
        with _translated("the configuration"):
            config[_FOLLOWED] = branch

    def copy_from(self, lender: Path) -> None:
        """Hold what another mirror of the branch holds, as far as its objects can be read."""
        try:
            other = pygit2.Repository(str(lender), RepositoryOpenFlag.NO_SEARCH)
            if other.config[_FOLLOWED] != self._repository.config[_FOLLOWED]:
                return
            names = [name for name in other.references if name.startswith((_OURS, _KEPT))]
            for name in set(self._names("refs/")) - set(names):
                self._drop(name)
            for name in names:
                target = str(other.references[name].target)
                if self._repository.odb.exists(target):
                    self.hold(name, target)
        except (pygit2.GitError, KeyError, ValueError):
            return  # it is being made, or fetched to: then what is needed is fetched here

    def tip(self) -> str | None:
        """Return the branch's commit as last fetched, None: never fetched."""
        return self.commit(BRANCH)

    def keep(self, commit: str) -> None:
        """Hold the applied commit, until another is kept."""
        self._create(APPLIED, commit, force=True)

    def hold(self, name: str, commit: str) -> None:
        """Let a reference hold a commit, whatever it held before."""
        self._repository.references.create(name, commit, force=True)

    def keep_former(self, commit: str) -> None:
        """Hold a commit that a force push took off the branch; the oldest of too many is let go."""
        held = self._names(_FORMER)
        number = int(held[-1].removeprefix(_FORMER)) + 1 if held else 1
        self._create(f"{_FORMER}{number:09d}", commit)
        for name in held[: 1 - _MOST_FORMER]:
            self._delete(name)

    def held(self) -> Iterator[str]:
        """Yield the branch's tip, the applied commit and former tips."""
        for name in (BRANCH, APPLIED, *reversed(self._names(_FORMER))):
            commit = self.commit(name)
            if commit is not None:
                yield commit

    def commit(self, name: str) -> str | None:
        """Return what a reference holds, None: there is none of that name."""
        with _translated(name):
            reference = self._repository.references.get(name)
            return None if reference is None else str(reference.target)

    @contextmanager
    def beside(self) -> Iterator[str]:
        """Give the name of a reference to fetch to, which is gone afterwards.

        What was fetched may have commits that libgit2 cannot walk past: held, they would stand in
        the way of each later fetch.
        """
        try:
            yield _BESIDE
        finally:
            self._drop(_BESIDE)

    @contextmanager
    def out_of_sight(self) -> Iterator[None]:
        """Take all references away, and put back afterwards those that were not made anew."""
        taken = {name: self.commit(name) for name in self._names("refs/")}
        for name in taken:
            self._delete(name)
        try:
            yield
        finally:
            for name, commit in taken.items():
                if commit is not None and self.commit(name) is None:
                    self._create(name, commit)

    def _names(self, prefix: str) -> list[str]:
        with _translated("the list of references"):
            return sorted(name for name in self._repository.references if name.startswith(prefix))

    def _create(self, name: str, commit: str, *, force: bool = False) -> None:
        with _translated(name):
            self._repository.references.create(name, commit, force=force)

    def _delete(self, name: str) -> None:
        with _translated(name):
            self._repository.references.delete(name)

    def _drop(self, name: str) -> None:
        with _translated(name):
            if name in self._repository.references:
                self._repository.references.delete(name)
