"""A checkout's own repository, read as the mirror is: for authors, who have no mirror.

It is the author's: nothing is written to it, and nothing is fetched but what a partial clone left
out, by git itself. Libgit2 reads the author's Git
configuration here, so that ``safe.directory`` counts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path

import pygit2
from pygit2.enums import RepositoryOpenFlag

from paod.errors import CommitNotFound, SettingsError
from paod.git_program import complete
from paod.mirror.source import Source

_DIGITS = re.compile(r"[0-9a-f]{7,40}")
_BEFORE = re.compile(r"(.+?)((?:\^|~[0-9]{0,6})*)")
_LONGEST = 250
_PLACES = ("{}", "refs/{}", "refs/tags/{}", "refs/heads/{}", "refs/remotes/{}")
_UPSTREAMS = ("origin/HEAD", "origin/main", "origin/master", "main", "master")


class Checkout(Source):
    """The repository that a folder with a ``.git`` is a checkout of. Raises ``SettingsError``."""

    def __init__(self, folder: Path, root: str, below: str = "") -> None:
        super().__init__(root, below=below)
        self.folder = folder
        with _translated(folder, "opened"):
            repository = pygit2.Repository(str(folder), RepositoryOpenFlag.NO_SEARCH)
        self._read_from(repository, _shallow(Path(repository.path)), str(folder))

    def resolve(self, revision: str) -> str:
        """Return the commit that a revision names; raise ``CommitNotFound``.

        It is a branch, a tag, a ref, ``HEAD`` or 7 to 40 hex digits, with any number of ``~`` and
        ``^`` behind it. Git knows more expressions, some of which search; none of those is taken.
        """
        found = _BEFORE.fullmatch(revision[:_LONGEST])
        commit = self._named(found[1]) if found else None
        if found and commit is not None:
            back = sum(int(step[1:] or 1) for step in re.findall(r"\^|~[0-9]*", found[2]))
            line = self._history.first_parents(commit)
            commit = next(islice(line, back, None), None)
        if commit is None:
            raise CommitNotFound(
                f"{revision[:80]!a} names no commit of this checkout",
                "give a branch, a tag or a commit; in a pipeline, fetch it first",
            )
        return commit

    def upstream(self) -> str:
        """Return the name of the branch that work is based on; raise ``CommitNotFound``."""
        for name in _UPSTREAMS:
            if self._named(name) is not None:
                return self._followed(name)
        raise CommitNotFound(
            f"{self.folder} has none of the branches {', '.join(_UPSTREAMS)}",
            "name what to compare with: --base REV",
        )

    def complete(self, tips: Collection[str], depth: int) -> None:
        """Have git fetch what a partial clone lacks of some commits and ``depth`` before them.

        Raises ``SettingsError`` where git cannot.
        """
        if not self.is_new:
            complete(self.folder, tips, self._root.decode(), depth)

    @property
    def is_new(self) -> bool:
        """Whether the repository has no commit yet."""
        with _translated(self.folder, "read"):
            return self._repository.is_empty

    def is_ignored(self, path: str) -> bool:
        """Whether Git would leave a file out of the next commit, as ``.gitignore`` says."""
        with _translated(self.folder, "read"):
            return self._repository.path_is_ignored(path)

    def _followed(self, name: str) -> str:
        """Return the branch that the remote's HEAD stands for, by its own name."""
        place = f"refs/remotes/{name}"
        with _translated(self.folder, "read"):
            ref = self._repository.references.get(place)
            target = "" if ref is None else str(ref.target)
        return target.removeprefix("refs/remotes/") if target.startswith("refs/remotes/") else name

    def _named(self, name: str) -> str | None:
        for place in _PLACES:
            ref = place.format(name)
            with _translated(self.folder, "read"):
                known = pygit2.reference_is_valid_name(ref) and ref in self._repository.references
            if known:
                return self._peeled(ref)
        found = self._objects.expand(name) if _DIGITS.fullmatch(name) else None
        return found if found is not None and self._objects.has_commit(found) else None

    def _peeled(self, ref: str) -> str | None:
        try:
            return str(self._repository.references[ref].peel(pygit2.Commit).id)
        except (pygit2.GitError, KeyError, ValueError):
            return None


@contextmanager
def _translated(folder: Path, what: str) -> Iterator[None]:
    """Say of libgit2's errors whose repository is damaged, and what may help."""
    try:
        yield
    except (pygit2.GitError, KeyError, OSError) as error:
        raise SettingsError(
            f"the repository of {folder} cannot be {what}: {error}", _remedy(folder)
        ) from error


def _remedy(folder: Path) -> str:
    if (folder / ".git" / "reftable").is_dir():
        return "libgit2 reads no reftables yet: run `git refs migrate --ref-format=files` there"
    return "git status in that folder may tell more"


def _shallow(folder: Path) -> list[str]:
    """Return the commits at which a shallow clone ends; a linked work tree has them elsewhere."""
    common = folder / "commondir"
    if common.is_file():
        folder = folder / common.read_text(encoding="utf-8").strip()
    boundary = folder / "shallow"
    return boundary.read_text(encoding="ascii").split() if boundary.is_file() else []
