"""Reading objects by their hash: size first, so that nothing big is ever unpacked by surprise."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal

import pygit2
from pygit2.enums import ObjectType

from paod.errors import Blocked, MirrorBroken

Kind = Literal["blob", "tree", "commit"]
_TYPES: dict[Kind, ObjectType] = {
    "blob": ObjectType.BLOB,
    "tree": ObjectType.TREE,
    "commit": ObjectType.COMMIT,
}
_BIGGEST = 16 * 2**20
"""Bytes of one tree or commit: 20,000 files with names of 255 bytes make 5.6 MB."""


class Objects:
    """The objects of an open repository. Whatever cannot be read is ``MirrorBroken``.

    ``shallow`` are the commits whose parents it does not have, though they name some. Holds nothing
    of libgit2's but the repository: see ``Mirror.close``.
    """

    def __init__(
        self, repository: pygit2.Repository, shallow: Collection[str] = (), whose: str = ""
    ) -> None:
        """``whose``: the folder of an author's repository, "" for the mirror."""
        self.shallow = frozenset(shallow)
        self._repository = repository
        self._whose = whose

    def kind(self, oid: str) -> tuple[Kind | None, int]:
        """Return an object's kind (None for a tag) and its size, from its header alone."""
        try:
            found, size = self._repository.odb.read_header(oid)
        except (pygit2.GitError, KeyError, ValueError) as error:
            raise self._broken(oid, error) from error
        return next((kind for kind, type_ in _TYPES.items() if type_ == found), None), size

    def has_commit(self, oid: str) -> bool:
        """Whether there is a commit of that hash."""
        try:
            return self.kind(oid)[0] == "commit"
        except MirrorBroken:
            return False

    def expand(self, digits: str) -> str | None:
        """Return the one object's hash that begins with these hex digits, None: none or several."""
        try:
            return str(self._repository.expand_id(digits))
        except (pygit2.GitError, KeyError, ValueError):
            return None

    def read(self, oid: str, kind: Kind) -> bytes:
        """Return a tree's or commit's raw bytes, checked against its hash by libgit2."""
        data = self.read_within(oid, kind, _BIGGEST)
        if isinstance(data, int):
            raise Blocked(
                f"{kind} {oid} has {data} bytes",
                f"paod reads a {kind} of at most {_BIGGEST} bytes",
                reason="TooManyFiles" if kind == "tree" else "TooLarge",
            )
        return data

    def read_within(self, oid: str, kind: Kind, limit: int) -> bytes | int:
        """Return an object's bytes, or only its size where that is above ``limit``."""
        found, size = self.kind(oid)
        if found != kind:
            raise self._broken(oid, f"it is a {found}, not a {kind}")
        if size > limit:
            return size
        try:
            return self._repository.read(oid)[1]
        except (pygit2.GitError, KeyError, ValueError) as error:
            raise self._broken(oid, error) from error

    def _broken(self, oid: str, cause: object) -> MirrorBroken:
        if self._whose:
            hint = "git fsck in that folder tells more; a new clone has what is missing"
            return MirrorBroken(f"object {oid} cannot be read in {self._whose}: {cause}", hint)
        return MirrorBroken(
            f"object {oid} cannot be read from the mirror: {cause}",
            "the mirror is set aside and cloned again by itself",
        )
