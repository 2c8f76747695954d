"""Every file of a folder, in the order and by the names that git would give them."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import or_
from pathlib import Path

from paod.errors import SettingsError
from paod.model import EntryType, path_text

WorkFile = tuple[str, bytes | None, EntryType]
"""Path from the checkout's root, bytes (None: a link, a submodule, or a file over the limit)."""

_FLAGS = ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY")
"""No system has them all; what a file is was looked at before it is opened."""
_OPEN = reduce(or_, (getattr(os, name, 0) for name in _FLAGS), os.O_RDONLY)
_VANISHED = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)


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
    try:
        status = os.lstat(top)
    except OSError as error:
        _pass_over(error, "/".join(parts) or top)
    else:
        yield from _at(os.fspath(checkout), top, status)


def read(entry: WorkEntry, limit: int) -> WorkFile | None:
    """Return an entry with its bytes, not read where there are more than ``limit``; None: gone.

    Raises ``SettingsError`` for a file that may not be read.
    """
    if entry.type != "file":
        return entry.path, None, entry.type
    try:
        return entry.path, _read(entry.file, limit), entry.type
    except OSError as error:
        _pass_over(error, entry.path)
        return None


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
    try:
        inside = _listed(folder)
    except OSError as error:
        _pass_over(error, name or checkout)
        return
    if name and any(found.name == ".git" for found in inside):
        yield WorkEntry(name, folder, "submodule", status)
        return
    for found in inside:
        if found.name == ".git":
            continue
        try:
            own = found.stat(follow_symlinks=False)
        except OSError as error:
            _pass_over(error, found.path)
        else:
            yield from _at(checkout, found.path, own)


def _listed(folder: str) -> list[os.DirEntry[str]]:
    with os.scandir(folder) as inside:
        return sorted(inside, key=lambda found: os.fsencode(found.name))


def _pass_over(error: OSError, name: str) -> None:
    """Raise what forbids reading; what merely went away meanwhile is no error."""
    if error.errno not in _VANISHED:
        place = name if error.filename is None else os.fspath(error.filename)
        raise SettingsError(f"{place} cannot be read: {error.strerror}") from error


def _relative(checkout: str, place: str) -> str:
    inside = place[len(checkout) :].replace(os.sep, "/").lstrip("/")
    return inside if inside.isascii() else path_text(os.fsencode(inside))


def _read(place: str, limit: int) -> bytes | None:
    descriptor = os.open(place, _OPEN)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        data = file.read(limit + 1)
    return data if len(data) <= limit else None
