"""One look after the other at a folder that is being edited: what differs since the last one.

A look asks for the status of every file, some microseconds each, and reads only those whose status
has changed. It needs to be told nothing, so that nothing which was missed is missed for good.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paod.worktree.left_out import LeftOut
from paod.worktree.reading import WorkEntry, WorkFile, blob_oid, entries, read

YOUNG_SECONDS = 2.0
"""A file that changed so lately may change again without a new time stamp: some file systems count
in seconds. It is read again at the next look."""

Signature = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Known:
    """A file as it was last read. ``signature`` None: its status says nothing yet."""

    signature: Signature | None
    content: tuple[str, str]


class Looking:
    """What one catalog root of a checkout held at the last look, nothing at first."""

    def __init__(
        self, checkout: Path, root: str, limit: int, clock: Callable[[], float] = time.time
    ) -> None:
        """``limit``: a file of more bytes is not read. ``clock`` is that of the time stamps."""
        self._checkout = checkout
        self._root = root
        self._limit = limit
        self._clock = clock
        self._known: dict[str, _Known] = {}
        self._left_out = LeftOut(checkout, root, limit)

    def changes(self) -> dict[str, WorkFile | None]:
        """Return each path whose content differs since the last look; None: it is gone.

        Raises ``SettingsError`` where something may not be read; the next look then tells all.
        """
        now = self._clock()
        known: dict[str, _Known] = {}
        changed: dict[str, WorkFile | None] = {}
        for entry in entries(self._checkout, self._root):
            former = self._known.get(entry.path)
            signature = _signature(entry.status)
            if former is not None and former.signature == signature:
                known[entry.path] = former
            elif (file := read(entry, self._limit)) is not None:
                content = _content(file)
                known[entry.path] = _Known(None if _is_young(entry, now) else signature, content)
                if former is None or former.content != content:
                    changed[entry.path] = file
        for file in self._left_out.files(known):
            known[file[0]] = _Known(None, _content(file))
            former = self._known.get(file[0])
            if former is None or former.content != known[file[0]].content:
                changed[file[0]] = file
        gone = dict.fromkeys(sorted(self._known.keys() - known.keys()))
        self._known = known
        return {**gone, **changed}


def _signature(status: os.stat_result) -> Signature:
    return (
        status.st_mode,
        status.st_dev,
        status.st_ino,
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
    )


def _is_young(entry: WorkEntry, now: float) -> bool:
    return entry.status.st_ctime > now - YOUNG_SECONDS


def _content(file: WorkFile) -> tuple[str, str]:
    """Return what stands for a file's content: of one that is not read, what it is."""
    _, data, kind = file
    return kind, "" if data is None else blob_oid(data)
