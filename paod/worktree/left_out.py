"""What a sparse checkout leaves out: files that Git keeps in its index and not on the disk.

To Git they are there, unchanged, so they are for paod: absent from the disk is not deleted.
"""

from __future__ import annotations

import os
import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Final

from paod.git_program import complete, git
from paod.model import EntryType, path_text
from paod.worktree.reading import WorkFile, find_checkout

_ENTRY: Final = re.compile(rb"S (\d{6}) ([0-9a-f]{40,64}) 0\t(.+)", re.DOTALL)
_TYPES: Final[dict[bytes, EntryType]] = {b"120000": "symlink", b"160000": "submodule"}
_SIZED: Final = re.compile(rb"([0-9a-f]{40,64}) blob (\d+)\n")
_NO_FLAGS: Final = (b"DIRC\0\0\0\1", b"DIRC\0\0\0\2")
"""How an index begins in whose version no entry can be marked."""

Entry = tuple[str, EntryType, str]
"""A path from the checkout, what it is, and its object."""


class LeftOut:
    """The entries of a checkout's index that are marked to be skipped, at or below one folder.

    ``checkout`` may be a folder of the Git checkout. In none, nothing is left out. What was read is
    kept as long as the index stays the same.
    """

    def __init__(self, checkout: Path, root: str, limit: int) -> None:
        """``limit``: a file of more bytes is not read."""
        self._checkout = checkout
        self._root = root
        self._limit = limit
        self._seen: tuple[int, ...] | None = None
        self._files: tuple[WorkFile, ...] = ()

    def files(self, there: Container[str] = ()) -> Iterator[WorkFile]:
        """Yield each that is not on the disk, with its bytes; raise ``SettingsError``."""
        top = find_checkout(self._checkout)
        index = None if top is None else _index_of(top)
        seen = None if index is None else _signature(index)
        if seen is None or seen != self._seen:
            self._files = () if index is None or not _may_mark(index) else tuple(self._read())
            self._seen = seen
        for file in self._files:
            if file[0] not in there and not os.path.lexists(self._checkout / file[0]):
                yield file

    def _read(self) -> Iterator[WorkFile]:
        entries = list(self._entries())
        if entries:
            complete(self._checkout, ["HEAD"], self._root, 1)
        blobs = {oid for _, kind, oid in entries if kind == "file"}
        texts = _texts(self._checkout, blobs, self._limit)
        for path, kind, oid in entries:
            yield path, texts.get(oid) if kind == "file" else None, kind

    def _entries(self) -> Iterator[Entry]:
        """Yield what git lists as skipped; paths are from the folder that it is asked in."""
        below = ["--", f":(literal){self._root}"] if self._root else []
        listed = git(self._checkout, "ls-files", "-t", "--stage", "-z", *below)
        for found in map(_ENTRY.fullmatch, listed.split(b"\0")):
            if found is not None:
                yield path_text(found[3]), _TYPES.get(found[1], "file"), found[2].decode()


def _texts(folder: Path, oids: set[str], limit: int) -> dict[str, bytes]:
    """Return the bytes of blobs that are no larger than ``limit``."""
    if not oids:
        return {}
    feed = "".join(f"{oid}\n" for oid in sorted(oids)).encode()
    sizes = _SIZED.findall(git(folder, "cat-file", "--batch-check", feed=feed))
    small = [oid for oid, size in sizes if int(size) <= limit]
    data = git(folder, "cat-file", "--batch", feed=b"".join(oid + b"\n" for oid in small))
    found, at = {}, 0
    while (head := _SIZED.match(data, at)) is not None:
        end = head.end() + int(head[2])
        found[head[1].decode()] = data[head.end() : end]
        at = end + 1
    return found


def _index_of(top: Path) -> Path:
    """Return where a checkout's index lies; in a linked work tree ``.git`` is a file that says."""
    folder = top / ".git"
    if folder.is_file():
        named = folder.read_text("utf-8", "surrogateescape").removeprefix("gitdir:").strip()
        folder = top / named
    return folder / "index"


def _signature(index: Path) -> tuple[int, ...] | None:
    try:
        found = index.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _may_mark(index: Path) -> bool:
    """Whether an index is of a version whose entries can be marked: git need not be asked else."""
    try:
        with index.open("rb") as file:
            return file.read(8) not in _NO_FLAGS
    except OSError:
        return False
