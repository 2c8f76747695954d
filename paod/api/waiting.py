"""Requests that wait for something to happen: a few at a time, and none for long.

Each holds a thread while it waits, so their number is bounded well below that of the threads; one
too many is answered at once, as if its time were over. Who follows the feed, who waits for a
generation and who waits for a sync each have places of their own, and take nobody else's.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from paod import deadline

WAITERS = 6
"""Of each sort; admins and readers have threads of their own (``daemon/lanes``)."""
CATCHING_UP = 4
PREVIEWING = 4
PAUSE = 0.5
"""Seconds after which it is looked again even without a hint that there is news."""

T = TypeVar("T")


class Waiting:
    """The places for requests that wait. ``stopping`` is set when the process is to end.

    ``pause`` waits for a hint that there is news, for at most the seconds that it is given.
    """

    def __init__(
        self,
        pause: Callable[[float], object],
        stopping: threading.Event,
        clock: Callable[[], float] = time.monotonic,
        places: int = WAITERS,
    ) -> None:
        self._pause = pause
        self._stopping = stopping
        self._clock = clock
        self._places = threading.BoundedSemaphore(places)

    def until(self, look: Callable[[], T | None], seconds: float) -> T | None:
        """Look until there is something, for at most ``seconds``; return the last look's result."""
        found = look()
        if found is not None or seconds <= 0 or not self._places.acquire(blocking=False):
            return found
        deadline.extend(seconds)
        try:
            end = self._clock() + seconds
            while found is None and not self._stopping.is_set() and self._clock() < end:
                self._pause(min(PAUSE, end - self._clock()))
                found = look()
        finally:
            self._places.release()
        return found
