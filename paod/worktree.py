"""A folder that is being edited, read as the mirror reads a commit: paths, bytes, entry types.

For checking files before they are committed. Reads only regular files and follows no link, so what
it says of a checkout is what a sync would say of the same files once they are committed.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from paod.errors import SettingsError
from paod.model import EntryType, path_text

WorkFile = tuple[str, bytes | None, EntryType]
"""Path from the checkout's root, bytes (None: a link, a submodule, or a file over the limit)."""

_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def find_checkout(path: Path) -> Path | None:
    """Return the nearest folder at or above ``path`` that has a ``.git``, None where none has."""
    start = path.absolute()
    return next((each for each in (start, *start.parents) if (each / ".git").exists()), None)


def files(checkout: Path, root: str = "", limit: int = 256 * 1024) -> Iterator[WorkFile]:
    """Yield every file at or below ``root`` (from the checkout, "" is all of it), folder by folder.

    A file of more than ``limit`` bytes is not read. Raises ``SettingsError`` for a folder or file
    that may not be read; one that vanishes meanwhile is passed over.
    """
    parts = [part for part in root.split("/") if part not in ("", ".")]
    yield from _at(checkout, checkout.joinpath(*parts), limit)


def blob_oid(data: bytes) -> str:
    """Return the hash that git will give a file with these bytes."""
    return hashlib.sha1(b"blob %d\0%s" % (len(data), data), usedforsecurity=False).hexdigest()


def _at(checkout: Path, path: Path, limit: int) -> Iterator[WorkFile]:
    name = _relative(checkout, path)
    try:
        mode = path.lstat().st_mode
        if stat.S_ISDIR(mode):
            yield from _in_folder(checkout, path, limit)
        elif stat.S_ISLNK(mode):
            yield name, None, "symlink"
        elif stat.S_ISREG(mode):
            yield name, _read(path, limit), "file"
    except OSError as error:
        if error.errno not in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP):
            raise SettingsError(f"{name or checkout} cannot be read: {error.strerror}") from error


def _in_folder(checkout: Path, folder: Path, limit: int) -> Iterator[WorkFile]:
    inside = sorted(folder.iterdir(), key=os.fsencode)
    if folder != checkout and any(path.name == ".git" for path in inside):
        yield _relative(checkout, folder), None, "submodule"
        return
    for path in inside:
        if path.name != ".git":
            yield from _at(checkout, path, limit)


def _relative(checkout: Path, path: Path) -> str:
    return "" if path == checkout else path_text(os.fsencode(path.relative_to(checkout)))


def _read(path: Path, limit: int) -> bytes | None:
    descriptor = os.open(path, _OPEN)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        data = file.read(limit + 1)
    return data if len(data) <= limit else None
