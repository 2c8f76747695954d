"""What the workers are doing, on pages of memory that they share with whoever watches over them.

The workers write, the supervisor reads deadlines from it. It is made before the first fork and
needs no file, no lock and no message: each entry has one writer and is written whole (``page``).
Nothing here outlives the daemon.
"""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass

from paod.daemon.page import FIGURE_BYTES, Page, Record

FILE_SECONDS = 20.0
"""For which one file may be examined: a parser within its budgets needs a fraction of one."""

_PAGES = 12288
_SYNCS = 0
_RECORDS = 64
_SEATS = 8192
"""Of the API workers, of which there are 256 at most."""
_TIME = struct.Struct("=d")
_PHASE_BYTES = 32
_OID_BYTES = 64
_PATH_BYTES = 2048
_WORDS_BYTES = 512


@dataclass(frozen=True, slots=True)
class HeldFile:
    """The file that was being examined: its blob and path, and since when (monotonic seconds)."""

    oid: str
    path: str
    since: float


class Board:
    """Pages of shared memory. Times are monotonic seconds, which all processes share."""

    def __init__(self) -> None:
        self._page = Page(_PAGES)
        self._phase = Record(self._page, _RECORDS, _TIME.size + _PHASE_BYTES)
        at = _RECORDS + self._phase.taken
        self._held = Record(self._page, at, _TIME.size + _OID_BYTES + _PATH_BYTES)
        at += self._held.taken
        self._standing = Record(self._page, at, _TIME.size + _WORDS_BYTES)
        assert at + self._standing.taken <= _SEATS

    def enter(self, phase: str, seconds: float) -> None:
        """Write that ``phase`` begins now and shall have ended ``seconds`` from now."""
        self.release()
        self._phase.write(_timed(time.monotonic() + seconds, _cut(phase, _PHASE_BYTES)))

    def leave(self) -> None:
        """Write that no sync worker is there."""
        self.release()
        self._phase.write(b"")

    def count_sync(self) -> None:
        """Count a sync that ended, well or not, without killing its worker."""
        self._page.set_figure(_SYNCS, self._page.figure(_SYNCS) + 1)

    @property
    def syncs(self) -> int:
        """How many syncs ended since the daemon began."""
        return int(self._page.figure(_SYNCS))

    @property
    def phase(self) -> str:
        """What the worker does now; "" when there is no worker."""
        return _parted(self._phase.read())[1]

    def overdue(self, now: float) -> float:
        """Return the deadline that the file in the worker's hand, or else its phase, has outlived.

        0.0 if there is none. While a file is in hand its own time counts alone: the worker looks
        at the phase's when it lays the file down.
        """
        held = self.held
        deadline = held.since + FILE_SECONDS if held else _parted(self._phase.read())[0]
        return deadline if 0.0 < deadline < now else 0.0

    def hold(self, oid: str, path: str) -> None:
        """Write which file is being examined; whoever finds the worker dead knows it.

        Without an ``oid`` there is none any more.
        """
        if not oid:
            self.release()
            return
        content = _cut(oid, _OID_BYTES).ljust(_OID_BYTES, b"\0") + _cut(path, _PATH_BYTES)
        self._held.write(_timed(time.monotonic(), content))

    def release(self) -> None:
        """Write that no file is being examined."""
        self._held.write(b"")

    @property
    def held(self) -> HeldFile | None:
        """The file being examined, or None."""
        raw = self._held.read()
        if not raw:
            return None
        oid, path = raw[_TIME.size : _TIME.size + _OID_BYTES], raw[_TIME.size + _OID_BYTES :]
        return HeldFile(_text(oid.rstrip(b"\0")), _text(path), _TIME.unpack_from(raw)[0])

    def promise(self, seat: int, seconds: float) -> float:
        """Write that the API worker in ``seat`` shows a sign of life within ``seconds``.

        Return the deadline that was written.
        """
        deadline = time.monotonic() + seconds
        self._page.set_figure(_SEATS + FIGURE_BYTES * seat, deadline)
        return deadline

    def promised(self, seat: int) -> float:
        """Return when the API worker in ``seat`` shall have shown a sign of life."""
        return self._page.figure(_SEATS + FIGURE_BYTES * seat)

    def tell(self, words: str, checked: float) -> None:
        """Write where the catalog stands, and when the remote was last seen to have no news."""
        self._standing.write(_timed(checked, _cut(words, _WORDS_BYTES)))

    def standing(self, now: float) -> str:
        """Return where the catalog stands, as the sync worker told last, in a line for people."""
        checked, words = _parted(self._standing.read())
        if not words:
            return "no word of the catalog yet"
        return f"{words}, checked {short_time(now - checked)} ago" if checked else words


def _cut(text: str, size: int) -> bytes:
    return text.encode("utf-8", errors="replace")[:size]


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", errors="replace")


def _timed(moment: float, content: bytes) -> bytes:
    return _TIME.pack(moment) + content


def _parted(raw: bytes) -> tuple[float, str]:
    """Return a record's moment and text; ``(0.0, "")`` of an empty one."""
    return (_TIME.unpack_from(raw)[0], _text(raw[_TIME.size :])) if raw else (0.0, "")


def short_time(seconds: float) -> str:
    """Return a time in its largest unit: ``12 s``, ``3 min``, ``5 h``, ``2 d``."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(max(0.0, seconds))} s"
