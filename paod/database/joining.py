"""A block inside another one's transaction: the same rule on every database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, Protocol

from paod.errors import StoreError


class Joinable(Protocol):
    """A session of any database, as far as its transaction goes."""

    state: Literal["idle", "reading", "writing"]
    broken: bool


@contextmanager
def joined(session: Joinable) -> Iterator[None]:
    """Let a block write into the transaction that stands; an error in it ends that one, too."""
    if session.state == "reading":
        raise StoreError("a write inside a snapshot was refused")
    try:
        yield
    except BaseException:
        session.broken = True
        raise
