"""The newest state that readers were told, so that it is seen when a database goes back.

It is kept in a file as well, outside of the database, since that may be put back while nobody runs.
What cannot be written there is no reason to answer nobody: the memory of a running process, and the
epochs that clients keep, do without it.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from paod.errors import StoreError, StoreUnavailable
from paod.model import Edition, WentBack
from paod.store import Store

logger = logging.getLogger("paod.api")


class Told:
    """What one process told, and where it keeps that: None, in memory alone."""

    def __init__(self, store: Store, file: Path | None = None) -> None:
        self._store = store
        self._file = file
        self._lock = threading.Lock()
        self._last = None if file is None else read(file)

    def follow(self, seen: Edition) -> Edition:
        """Return what is to be told, now that a state was seen: another one where it went back."""
        if seen == self._last:
            return seen
        with self._lock:
            if self._last is not None and seen != self._last:
                found = go_on(self._store, self._last)
                seen = self._store.served() if found else seen
            if self._is_newer(seen):
                self._last = seen
                self._keep(seen)
        return seen

    def _is_newer(self, seen: Edition) -> bool:
        """Whether it follows what was told last; another thread may have told more meanwhile."""
        last = self._last
        if last is None or seen.timeline != last.timeline:
            return True
        return seen.generation > last.generation

    def _keep(self, seen: Edition) -> None:
        if self._file is None:
            return
        new = self._file.with_name(f"{self._file.name}.new")
        try:
            new.write_text(f"{seen.timeline} {seen.generation} {seen.epoch}\n", encoding="ascii")
            os.replace(new, self._file)  # noqa: PTH105 a path's own makes another path of it
        except OSError as error:
            logger.warning("what readers were told is not kept: %s: %s", self._file, error.strerror)
            self._file = None


def go_on(store: Store, told: Edition) -> WentBack | None:
    """Begin a new timeline where the database does not know what was told, and log it."""
    try:
        found = store.go_on_from(told)
    except StoreUnavailable as error:
        if error.reason_given != "StorageReadOnly":
            raise
        return None  # a standby may lag behind; it gives out no generation either
    if found is not None:
        log_went_back(found)
    return found


def log_went_back(found: WentBack) -> None:
    """Say that the database went back, and what follows for who reads."""
    logger.warning("%s: who follows the changes feed is told to read everything again", found)


def kept(folder: Path) -> Iterator[Edition]:
    """Yield what former processes kept in a folder."""
    with suppress(OSError):
        for file in sorted(folder.iterdir()):
            found = read(file)
            if found is not None:
                yield found


def read(file: Path) -> Edition | None:
    """Return what a file keeps, None where there is none, or it is cut off."""
    try:
        timeline, generation, epoch = file.read_text(encoding="ascii").split()
        return Edition(timeline, int(generation), epoch)
    except (OSError, ValueError):
        return None


def look_back(store: Store, folder: Path) -> None:
    """See at the start whether the database went back while nobody ran."""
    for told in kept(folder):
        with suppress(StoreError):  # it is looked again at the first answer
            go_on(store, told)
