"""A lock that the operating system holds for a process and drops when the process ends.

It is a ``flock`` on a file beside the database. The file says nothing and is never removed: only
whether some process holds the lock counts, so a crash leaves nothing to clean up.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paod.errors import StoreUnavailable

try:
    import fcntl
except ImportError:  # Windows, where only an author's commands run, in folders of their own
    fcntl = None  # type: ignore[assignment]

_PAUSE = 0.05
_held: set[int] = set()


def _drop_inherited() -> None:
    """Close, in a forked child, the locks of its parent: a child must not keep them alive."""
    while _held:
        os.close(_held.pop())


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_inherited)


@contextmanager
def file_lock(path: Path, wait: float) -> Iterator[bool]:
    """Try for up to ``wait`` seconds to hold the lock; the value says whether it is held."""
    deadline = time.monotonic() + wait
    descriptor = _open(path)
    _held.add(descriptor)
    try:
        while (held := _acquired(descriptor, deadline)) and not _stands_at(path, descriptor):
            _held.remove(descriptor)
            os.close(descriptor)
            descriptor = _open(path)
            _held.add(descriptor)
        yield held
    finally:
        if descriptor in _held:  # else this is a child, which closed it when it was forked
            _held.remove(descriptor)
            os.close(descriptor)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    except OSError as error:
        raise StoreUnavailable(
            f"the lock {path} cannot be opened ({error.strerror})",
            "see that its folder exists and that paod may write there",
        ) from error


def _stands_at(path: Path, descriptor: int) -> bool:
    """Whether the locked file is the one that others would lock, and not one that was removed."""
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _acquired(descriptor: int, deadline: float) -> bool:
    while fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_PAUSE)
        else:
            break
    return True
