"""A delivery's body, which may be large and of a stranger: hashed in pieces, read when it counts.

Where it came from keeps it (memory or a file); no more than a piece of it is in memory at a time,
and no more than its beginning is ever read whole.
"""

from __future__ import annotations

import hashlib
import hmac
import io
from collections.abc import Iterator
from typing import IO, Protocol

PIECE_BYTES = 64 * 1024


class _Hash(Protocol):
    def update(self, data: bytes, /) -> None: ...


class Letter:
    """A body in a file that can be read again. ``size``: its bytes, however many there are."""

    def __init__(self, file: IO[bytes], size: int) -> None:
        self._file = file
        self.size = size

    @classmethod
    def of(cls, body: bytes) -> Letter:
        """Return a letter of bytes that are in memory anyway."""
        return cls(io.BytesIO(body), len(body))

    def read(self, most: int) -> bytes:
        """Return the body, at most its first ``most`` bytes."""
        self._file.seek(0)
        return self._file.read(min(most, self.size))

    def hmac(self, key: bytes, before: bytes = b"") -> bytes:
        """Return the HMAC-SHA256 of ``before`` and the body."""
        digest = hmac.new(key, before, hashlib.sha256)
        self._pour(digest)
        return digest.digest()

    def sha256(self) -> bytes:
        """Return the body's SHA-256."""
        digest = hashlib.sha256()
        self._pour(digest)
        return digest.digest()

    def _pour(self, digest: _Hash) -> None:
        for piece in self._pieces():
            digest.update(piece)

    def _pieces(self) -> Iterator[bytes]:
        self._file.seek(0)
        left = self.size
        while left > 0 and (piece := self._file.read(min(PIECE_BYTES, left))):
            left -= len(piece)
            yield piece
