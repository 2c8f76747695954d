"""Memory that processes share, written so that no reader ever sees half of what was written.

A figure is one aligned machine word, moved by one store and one load. ``struct.pack_into`` must not
be used for it: it fills its place with zeros first, and a reader that comes in between sees 0.0.
What has several parts is a record: it is kept twice, each time with a count and a checksum, and
written over the older one. So a reader finds the newest whole one at any moment, also when its
writer was killed within a write; it needs no lock and no order of memory accesses.
"""

from __future__ import annotations

import mmap
import struct
import zlib

FIGURE_BYTES = 8
_HEAD = struct.Struct("=QII")
"""Of one copy of a record: its count, its length and the checksum of both and of its bytes."""
_LOOKS = 1000
"""At a record whose writer overtakes the reader at each look: then it is read as missing."""


class Page:
    """``size`` bytes of memory, zeros at first, shared with every process forked later."""

    def __init__(self, size: int) -> None:
        self.memory = memoryview(mmap.mmap(-1, size))
        self._figures = self.memory.cast("d")

    def figure(self, at: int) -> float:
        """Return the figure at the byte ``at``, a multiple of eight."""
        return float(self._figures[at // FIGURE_BYTES])

    def set_figure(self, at: int, value: float) -> None:
        """Write the figure at the byte ``at``, a multiple of eight."""
        self._figures[at // FIGURE_BYTES] = value


class Record:
    """Some bytes with one writer at a time, at ``at`` of a page, of which it takes ``taken``."""

    def __init__(self, page: Page, at: int, size: int) -> None:
        """``size``: how many bytes a record may have."""
        self._room = _HEAD.size + size
        self._sides = (
            page.memory[at : at + self._room],
            page.memory[at + self._room : at + 2 * self._room],
        )
        self.taken = 2 * self._room

    def write(self, content: bytes) -> None:
        """Write ``content`` whole, over the older copy."""
        counts = [_whole(bytes(side))[0] for side in self._sides]
        count = max(counts) + 1
        head = _HEAD.pack(count, len(content), _checksum(count, content))
        side = self._sides[counts.index(min(counts))]
        side[: len(head) + len(content)] = head + content

    def read(self) -> bytes:
        """Return the newest content that is whole, b"" where there is none."""
        for _ in range(_LOOKS):
            count, content = max(_whole(bytes(side)) for side in self._sides)
            if count:
                return content
            if not any(map(any, self._sides)):
                return b""
        return b""


def _whole(raw: bytes) -> tuple[int, bytes]:
    """Return a copy's count and content, ``(0, b"")`` if it is torn or was never written."""
    count, length, checksum = _HEAD.unpack_from(raw)
    content = raw[_HEAD.size : _HEAD.size + length]
    if count and checksum == _checksum(count, content):
        return count, content
    return 0, b""


def _checksum(count: int, content: bytes) -> int:
    return zlib.crc32(content, count & 0xFFFFFFFF)
