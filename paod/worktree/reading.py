"""Every file of a folder, in the order and by the names that git would give them."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from paod.errors import SettingsError
from paod.model import EntryType, path_text

WorkFile = tuple[str, bytes | None, EntryType]
"""Path from the checkout's root, bytes (None: a link, a submodule, or a file over the limit)."""

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_VANISHED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class WorkEntry:
    """What lies at a path, not read yet: ``path`` is from the checkout's root, ``file`` on disk."""

    path: str
    file: str
    type: EntryType
    status: os.stat_result


def find_checkout(path: Path) -> Path | None:
    """Return the nearest folder at or above ``path`` that has a ``.git``, None where none has."""
    start = path.absolute()
    return next((each for each in (start, *start.parents) if (each / ".git").exists()), None)


def entries(checkout: Path, root: str = "") -> Iterator[WorkEntry]:
    """Yield all that lies at or below ``root`` (from the checkout, "" is all of it), by folder.

    Raises ``SettingsError`` for a folder that may not be read; what vanishes is passed over.
    """
    parts = [part for part in root.split("/") if part not in ("", ".")]
    top = os.fspath(checkout.joinpath(*parts))
    status = _ask("/".join(parts) or top, lambda: os.lstat(top))
    if status is not None:
        yield from _at(os.fspath(checkout), top, status)


def read(entry: WorkEntry, limit: int) -> WorkFile | None:
    """Return an entry with its bytes, not read where there are more than ``limit``; None: gone.

    Raises ``SettingsError`` for a file that may not be read.
    """
    if entry.type != "file":
        return entry.path, None, entry.type
    found = _ask(entry.path, lambda: (_read(entry.file, limit),))
    return None if found is None else (entry.path, found[0], entry.type)


def files(checkout: Path, root: str = "", limit: int = 256 * 1024) -> Iterator[WorkFile]:
    """Yield every file at or below ``root`` with its bytes: ``entries``, each ``read``."""
    for entry in entries(checkout, root):
        found = read(entry, limit)
        if found is not None:
            yield found


def blob_oid(data: bytes) -> str:
    """Return the hash that git will give a file with these bytes."""
    return hashlib.sha1(b"blob %d\0%s" % (len(data), data), usedforsecurity=False).hexdigest()


def _at(checkout: str, place: str, status: os.stat_result) -> Iterator[WorkEntry]:
    if stat.S_ISDIR(status.st_mode):
        yield from _in_folder(checkout, place, status)
    elif stat.S_ISLNK(status.st_mode):
        yield WorkEntry(_relative(checkout, place), place, "symlink", status)
    elif stat.S_ISREG(status.st_mode):
        yield WorkEntry(_relative(checkout, place), place, "file", status)


def _in_folder(checkout: str, folder: str, status: os.stat_result) -> Iterator[WorkEntry]:
    name = _relative(checkout, folder)
    inside = _ask(name or checkout, lambda: _listed(folder)) or []
    if name and any(found.name == ".git" for found in inside):
        yield WorkEntry(name, folder, "submodule", status)
        return
    for found in inside:
        own = None if found.name == ".git" else _status(checkout, found)
        if own is not None:
            yield from _at(checkout, found.path, own)


def _listed(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as inside:
        return sorted(inside, key=lambda found: os.fsencode(found.name))


def _status(checkout: str, found: os.DirEntry[str]) -> os.stat_result | None:
    return _ask(_relative(checkout, found.path), lambda: found.stat(follow_symlinks=False))


def _ask(name: str, question: Callable[[], Answer]) -> Answer | None:
    """Ask the file system; None: what was asked about has vanished."""
    try:
        return question()
    except OSError as error:
        if error.errno in _VANISHED:
            return None
        raise SettingsError(f"{name} cannot be read: {error.strerror}") from error


def _relative(checkout: str, place: str) -> str:
    inside = place[len(checkout) :].lstrip("/")
    return inside if inside.isascii() else path_text(os.fsencode(inside))


def _read(place: str, limit: int) -> bytes | None:
    descriptor = os.open(place, _OPEN)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        data = file.read(limit + 1)
    return data if len(data) <= limit else None
