"""From a bearer token to what its bearer may do. Pure: it is told the tokens, and keeps none.

Tokens are compared by their SHA-256 digests and in constant time: they are long and random, so
that a slow hash would protect nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

Role = Literal["read", "admin"]

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/:-]+=*) *")
_DIGEST = re.compile(r"sha256:([0-9A-Fa-f]{64})")


def bearer_token(header: str | None) -> str | None:
    """Return the token of an ``Authorization`` header, None where it carries none."""
    found = _BEARER.fullmatch(header) if header else None
    return found[1] if found else None


def role_of(token: str, admin: Iterable[str], read: Iterable[str]) -> Role | None:
    """Return what a token allows, None for an unknown one.

    ``admin`` and ``read`` are tokens as the settings hold them: in full, or as ``sha256:<hex>``.
    Every one is compared, so that the time tells nothing of which came near.
    """
    presented = hashlib.sha256(token.encode()).digest()
    is_admin = _any_matches(presented, admin)
    may_read = _any_matches(presented, read)
    if is_admin:
        return "admin"
    return "read" if may_read else None


def allows(role: Role | None, needed: Role) -> bool:
    """Return whether a role is enough: an admin may read, too."""
    return role == "admin" or role == needed


def _any_matches(presented: bytes, configured: Iterable[str]) -> bool:
    matches = [hmac.compare_digest(presented, _digest(value)) for value in configured]
    return any(matches)


@lru_cache(maxsize=64)
def _digest(configured: str) -> bytes:
    found = _DIGEST.fullmatch(configured)
    return bytes.fromhex(found[1]) if found else hashlib.sha256(configured.encode()).digest()
