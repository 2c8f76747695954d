"""One deadline for a request: whatever is done for it takes from what is left.

It belongs to the thread that answers. Whoever has none, as the sync worker, has only the limits of
what he does.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_end: ContextVar[float | None] = ContextVar("deadline", default=None)


def begin(seconds: float, since: float | None = None) -> None:
    """Let what this thread does from here on end within so many seconds.

    They count from ``since``, a moment of the monotonic clock, None: from now.
    """
    _end.set((time.monotonic() if since is None else since) + seconds)


def end() -> None:
    """Let there be no deadline any more."""
    _end.set(None)


def extend(seconds: float) -> None:
    """Give a deadline more time, for what waits on purpose; where there is none, do nothing."""
    at = _end.get()
    if at is not None:
        _end.set(at + seconds)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let a block end within so many seconds, and within those that its caller has."""
    before = _end.get()
    ends = time.monotonic() + seconds
    token = _end.set(ends if before is None else min(ends, before))
    try:
        yield
    finally:
        _end.reset(token)


def seconds_left(most: float) -> float:
    """Return for how many seconds one may go on, ``most`` where there is more or no deadline.

    Never less than 0.
    """
    at = _end.get()
    return most if at is None else max(0.0, min(most, at - time.monotonic()))


def is_over() -> bool:
    """Return whether the deadline has passed."""
    at = _end.get()
    return at is not None and time.monotonic() >= at
