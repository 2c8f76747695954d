"""What the workers are doing, on pages of memory that they share with whoever watches over them.

The workers write, the supervisor reads deadlines from it. It is made before the first fork and
needs no file, no lock and no message: each figure has one writer, and a figure read a moment too
early is read again a moment later. Nothing here outlives the daemon.
"""

from __future__ import annotations

import mmap
import struct
import time
from dataclasses import dataclass

FILE_SECONDS = 20.0
"""For which one file may be examined: a parser within its budgets needs a fraction of one."""

_PAGES = 8192
_DOUBLE = struct.Struct("=d")
_DEADLINE, _HELD_SINCE, _SYNCS = 0, 8, 16
_PHASE, _PHASE_BYTES = 64, 32
_OID, _OID_BYTES = 128, 64
_PATH, _PATH_BYTES = 256, 2048
_WORDS, _WORDS_BYTES = 2304, 512
_CHECKED = 2816
_SEATS = 4096
"""Of the API workers, of which there are 256 at most."""


@dataclass(frozen=True, slots=True)
class HeldFile:
    """The file that was being examined: its blob and path, and since when (monotonic seconds)."""

    oid: str
    path: str
    since: float


class Board:
    """Pages of shared memory. Times are monotonic seconds, which all processes share."""

    def __init__(self) -> None:
        self._page = mmap.mmap(-1, _PAGES)

    def enter(self, phase: str, seconds: float) -> None:
        """Write that ``phase`` begins now and shall have ended ``seconds`` from now."""
        self.release()
        self._write_text(_PHASE, _PHASE_BYTES, phase)
        self._write(_DEADLINE, time.monotonic() + seconds)

    def leave(self) -> None:
        """Write that no sync worker is there."""
        self.release()
        self._write(_DEADLINE, 0.0)
        self._write_text(_PHASE, _PHASE_BYTES, "")

    def count_sync(self) -> None:
        """Count a sync that ended, well or not, without killing its worker."""
        self._write(_SYNCS, self._read(_SYNCS) + 1)

    @property
    def syncs(self) -> int:
        """How many syncs ended since the daemon began."""
        return int(self._read(_SYNCS))

    @property
    def phase(self) -> str:
        """What the worker does now; "" when there is no worker."""
        return self._read_text(_PHASE, _PHASE_BYTES)

    def overdue(self, now: float) -> bool:
        """Whether the worker's phase, or the file in its hand, has outlived its deadline."""
        deadline, held_since = self._read(_DEADLINE), self._read(_HELD_SINCE)
        return 0.0 < deadline < now or 0.0 < held_since < now - FILE_SECONDS

    def hold(self, oid: str, path: str) -> None:
        """Write which file is being examined; whoever finds the worker dead knows it.

        Without an ``oid`` there is none any more.
        """
        if not oid:
            self.release()
            return
        self._write_text(_OID, _OID_BYTES, oid)
        self._write_text(_PATH, _PATH_BYTES, path)
        self._write(_HELD_SINCE, time.monotonic())

    def release(self) -> None:
        """Write that no file is being examined."""
        self._write(_HELD_SINCE, 0.0)

    @property
    def held(self) -> HeldFile | None:
        """The file being examined, or None."""
        since = self._read(_HELD_SINCE)
        if not since:
            return None
        oid = self._read_text(_OID, _OID_BYTES)
        return HeldFile(oid, self._read_text(_PATH, _PATH_BYTES), since)

    def promise(self, seat: int, seconds: float) -> float:
        """Write that the API worker in ``seat`` shows a sign of life within ``seconds``.

        Return the deadline that was written.
        """
        deadline = time.monotonic() + seconds
        self._write(_SEATS + _DOUBLE.size * seat, deadline)
        return deadline

    def promised(self, seat: int) -> float:
        """Return when the API worker in ``seat`` shall have shown a sign of life."""
        return self._read(_SEATS + _DOUBLE.size * seat)

    def tell(self, words: str, checked: float) -> None:
        """Write where the catalog stands, and when the remote was last seen to have no news."""
        self._write(_CHECKED, checked)
        self._write_text(_WORDS, _WORDS_BYTES, words)

    def standing(self, now: float) -> str:
        """Return where the catalog stands, as the sync worker told last, in a line for people."""
        words, checked = self._read_text(_WORDS, _WORDS_BYTES), self._read(_CHECKED)
        if not words:
            return "no word of the catalog yet"
        return f"{words}, checked {short_time(now - checked)} ago" if checked else words

    def _read(self, at: int) -> float:
        return float(_DOUBLE.unpack_from(self._page, at)[0])

    def _write(self, at: int, value: float) -> None:
        _DOUBLE.pack_into(self._page, at, value)

    def _read_text(self, at: int, size: int) -> str:
        raw = self._page[at : at + size].rstrip(b"\0")
        return raw.decode("utf-8", errors="replace")

    def _write_text(self, at: int, size: int, text: str) -> None:
        raw = text.encode("utf-8", errors="replace")[:size]
        self._page[at : at + size] = raw.ljust(size, b"\0")


def short_time(seconds: float) -> str:
    """Return a time in its largest unit: ``12 s``, ``3 min``, ``5 h``, ``2 d``."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(max(0.0, seconds))} s"
