"""Who else may write what paod trusts: a file that every user can change is no source of trust."""

from __future__ import annotations

import os
import stat
from pathlib import Path


def writable_by_all(path: Path) -> Path | None:
    """Return what lets every user of the machine change a file, None where nothing does.

    That is the file itself, or a folder on the way to it, by its name or where links lead to, in
    which anybody may put another one in its place. What is not there is nobody's to change.
    """
    if _mode(path) & stat.S_IWOTH:
        return path
    ways = {path.absolute().parent, path.resolve().parent}
    return next((one for way in ways for one in (way, *way.parents) if _lets_replace(one)), None)


def descriptor_writable_by_all(descriptor: int) -> bool:
    """Return whether every user may write an open file."""
    return bool(os.fstat(descriptor).st_mode & stat.S_IWOTH)


def _lets_replace(folder: Path) -> bool:
    """Return whether every user can reach a folder and rename what others put there."""
    mode = _mode(folder)
    if not mode & stat.S_IWOTH or mode & stat.S_ISVTX:
        return False
    return all(_mode(one) & stat.S_IXOTH for one in (folder, *folder.parents))


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:
        return 0
