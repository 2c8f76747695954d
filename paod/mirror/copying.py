"""Objects of a repository on this machine, copied as they are.

libgit2 walks both sides of a local fetch and stops at the first commit that it cannot parse: one
without an author, or with a date that no clock will show. Here nothing is parsed but what leads
from one object to the next.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pygit2
from pygit2.enums import ReferenceType, RepositoryOpenFlag
from pygit2.packbuilder import PackBuilder

from paod.mirror import upkeep
from paod.mirror.objects import Objects
from paod.model.limits import PASSED_COMMIT_OBJECT

_LINKS = re.compile(rb"^(tree|parent) ([0-9a-f]{40})$", re.MULTILINE)
_ENTRY = re.compile(rb"([0-7]+) [^\0]+\0(.{20})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Shown:
    """A reference of a repository, as a remote shows it."""

    name: str
    oid: str
    symref_target: str | None = None


def heads(source: Path) -> list[Shown]:
    """Return the references of a repository; libgit2 shows none where one commit is malformed."""
    repository = pygit2.Repository(str(source), RepositoryOpenFlag.NO_SEARCH)
    found = (_shown(repository, name) for name in ("HEAD", *sorted(repository.references)))
    return [one for one in found if one is not None]


def _shown(repository: pygit2.Repository, name: str) -> Shown | None:
    reference = repository.references.get(name)
    if reference is None:
        return None
    symbolic = str(reference.target) if reference.type == ReferenceType.SYMBOLIC else None
    try:
        return Shown(name, str(reference.resolve().target), symbolic)
    except (pygit2.GitError, KeyError):  # it leads to a branch that is not there
        return None


def copy(source: Path, tip: str, mirror: Path, has: Callable[[str], bool]) -> None:
    """Copy a commit, with all that hangs on it, into the packs of the mirror.

    What hangs on a commit that the mirror ``has`` is there already.
    """
    repository = pygit2.Repository(str(source), RepositoryOpenFlag.NO_SEARCH)
    found = set(_reached(Objects(repository), tip, has))

    def add(builder: PackBuilder) -> None:
        for oid in sorted(found):
            builder.add(pygit2.Oid(raw=oid))

    with TemporaryDirectory(prefix=f"{mirror.name}.new-", dir=mirror.parent) as beside:
        repository.pack(beside, add)
        upkeep.put_in_place(Path(beside), mirror / "objects" / "pack", found)


def _reached(objects: Objects, tip: str, has: Callable[[str], bool]) -> Iterator[bytes]:
    seen: set[str] = set()
    waiting = [tip]
    while waiting:
        oid = waiting.pop()
        if oid in seen or has(oid):
            continue
        seen.add(oid)
        yield bytes.fromhex(oid)
        kind, _ = objects.kind(oid)
        if kind == "commit":
            waiting += _linked(objects, oid)
        elif kind == "tree":
            waiting += _inside(objects, oid)


def _linked(objects: Objects, oid: str) -> Iterator[str]:
    data = objects.read_within(oid, "commit", PASSED_COMMIT_OBJECT)
    header = b"" if isinstance(data, int) else data.partition(b"\n\n")[0]
    return (found[2].decode() for found in _LINKS.finditer(header))


def _inside(objects: Objects, oid: str) -> Iterator[str]:
    """Return what a tree holds; a submodule's commit is in another repository."""
    entries = _ENTRY.finditer(objects.read(oid, "tree"))
    return (found[2].hex() for found in entries if found[1] != b"160000")
