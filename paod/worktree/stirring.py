"""Whether something stirs in a folder: a hint that comes at once, and says no more than "look".

watchdog tells of most that happens, not of all: events are lost when the kernel's queue overflows
(watchdog 6 hides that, 7 writes it to its log), a folder that was replaced is watched no more, what
other machines write is never seen. So whoever gets a hint looks at everything, and who gets none
looks all the same after a while.
"""

from __future__ import annotations

import logging
import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

QUIET_SECONDS = 0.05
"""For so long nothing may stir until what was written is taken for whole."""
LONGEST_SECONDS = 1.0
"""After so long it is looked even while it goes on stirring."""
GIT_SECONDS = 5.0
"""For so long git is given time to end what it has begun."""
CHANGES: list[type[FileSystemEvent]] = [
    DirCreatedEvent,
    DirDeletedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
]
"""Not that a file or folder was opened: looking does that too."""

Identity = tuple[int, int]


class Stirring:
    """Hints that something changed below a catalog root, or in the folders that lead to it."""

    def __init__(self, checkout: Path, root: str, quiet: float = QUIET_SECONDS) -> None:
        self._quiet = quiet
        self._folders = [checkout, *_below(checkout, root)]
        self._lock = _git_folder(checkout) / "index.lock"
        self._stirred = threading.Event()
        self._handler = _Handler(self._stirred)
        self._complaints = _Complaints(self._stirred)
        self._watched: dict[Path, tuple[Identity, ObservedWatch]] = {}
        self._observer: BaseObserver | None = None

    def __enter__(self) -> Stirring:
        logger = logging.getLogger("watchdog")
        logger.addHandler(self._complaints)
        logger.propagate = False
        with suppress(OSError):  # the system lends no more: it is looked now and then all the same
            self._observer = Observer()
            self._observer.start()
        self.renew()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
        logging.getLogger("watchdog").removeHandler(self._complaints)

    def renew(self) -> None:
        """Watch the folders that stand there now; to be called before each look."""
        for folder in self._folders:
            identity = self._identity(folder)
            watched = self._watched.get(folder)
            if watched is not None and watched[0] != identity:
                self._forget(folder)
            if identity is not None and folder not in self._watched:
                self._watch(folder, identity)

    def wait(self, longest: float) -> bool:
        """Return when something stirred and is quiet again, or when nothing did for so long.

        The value says whether something did.
        """
        stirred = self._stirred.wait(longest) or self._git_works()
        if stirred:
            self.settle()
        return stirred

    def settle(self) -> None:
        """Return when it is quiet; a change of branch is one stir, that lasts until git has ended.

        What goes on stirring for too long is not waited for.
        """
        began = time.monotonic()
        stirs = True
        while stirs:
            self._stirred.clear()
            stirs = self._stirred.wait(self._quiet)
            stirs = (stirs and time.monotonic() - began < LONGEST_SECONDS) or self._git_works()

    def _watch(self, folder: Path, identity: Identity) -> None:
        if self._observer is None:
            return
        with suppress(OSError):  # it has gone again, or the system lends no more watches
            watch = self._observer.schedule(
                self._handler,
                str(folder.resolve()),
                recursive=folder == self._folders[-1],
                event_filter=CHANGES,
            )
            self._watched[folder] = identity, watch

    def _forget(self, folder: Path) -> None:
        _, watch = self._watched.pop(folder)
        if self._observer is not None:
            self._observer.unschedule(watch)

    def _identity(self, folder: Path) -> Identity | None:
        """Return what tells a folder from another in its place; None: no folder is there.

        A catalog root that is a link is a link and no folder.
        """
        try:
            status = folder.lstat() if folder == self._folders[-1] else folder.stat()
        except OSError:
            return None
        return (status.st_dev, status.st_ino) if stat.S_ISDIR(status.st_mode) else None

    def _git_works(self) -> bool:
        """Whether git is changing the working tree; a lock that stays is that of a dead one."""
        try:
            return time.time() - self._lock.lstat().st_mtime < GIT_SECONDS
        except OSError:
            return False


class _Handler(FileSystemEventHandler):
    """Takes every event for the same hint."""

    def __init__(self, stirred: threading.Event) -> None:
        self._stirred = stirred

    def on_any_event(self, event: FileSystemEvent) -> None:
        self._stirred.set()


class _Complaints(logging.Handler):
    """Takes what watchdog complains of (an overflow) for a hint too, and keeps it from the user."""

    def __init__(self, stirred: threading.Event) -> None:
        super().__init__()
        self._stirred = stirred

    def emit(self, record: logging.LogRecord) -> None:
        self._stirred.set()


def _below(checkout: Path, root: str) -> Iterator[Path]:
    folder = checkout
    for part in Path(root).parts:
        folder = folder / part
        yield folder


def _git_folder(checkout: Path) -> Path:
    """Return where git keeps the state of this working tree."""
    link = checkout / ".git"
    if link.is_file():
        with suppress(OSError):
            return checkout / os.fsdecode(link.read_bytes().removeprefix(b"gitdir:").strip())
    return link
