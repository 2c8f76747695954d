"""Cursors: where a page ended, sealed for one list with one set of filters.

A position is the last row's own place in the order, so that a walk stays right while the catalog
changes. The seal keeps a cursor from being made up, or from being used on another list.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Iterable

SEAL_BYTES = 12


def seal(key: str, scope: Iterable[object], position: str) -> str:
    """Return a cursor for a position. ``scope`` tells the list and its filters."""
    data = position.encode()
    return base64.urlsafe_b64encode(_seal(key, scope, data) + data).rstrip(b"=").decode()


def unseal(key: str, scope: Iterable[object], cursor: str) -> str | None:
    """Return the position that a cursor holds, None where it is forged or of another list."""
    try:
        sealed = base64.b64decode(cursor + "=" * (-len(cursor) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    data = sealed[SEAL_BYTES:]
    if not hmac.compare_digest(sealed[:SEAL_BYTES], _seal(key, scope, data)):
        return None
    return data.decode()


def _seal(key: str, scope: Iterable[object], data: bytes) -> bytes:
    message = repr(tuple(scope)).encode() + b"\0" + data
    return hmac.new(key.encode(), message, hashlib.sha256).digest()[:SEAL_BYTES]
