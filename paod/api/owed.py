"""Syncs that genuine pushes asked for while the database could not take them.

The host was told to come again, and many never do. What is owed is kept in memory, as one request,
and stored as soon as the database is back: a push is followed by a sync, even so.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from paod.errors import PaodError
from paod.model import SyncRequest

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0

logger = logging.getLogger("paod.api")


class Owed:
    """At most one request that could not be stored, and the thread that tries again."""

    def __init__(
        self,
        store: Callable[[SyncRequest], object],
        stopping: threading.Event,
        pause: float = FIRST_PAUSE,
    ) -> None:
        self._store = store
        self._stopping = stopping
        self._pause = pause
        self._lock = threading.Lock()
        self._request: SyncRequest | None = None
        self._paying = False

    def note(self, request: SyncRequest) -> None:
        """Remember a request in place of one that waits already."""
        with self._lock:
            self._request = request
            if not self._paying:
                threading.Thread(target=self._pay, name="owed-sync", daemon=True).start()
                self._paying = True

    def _pay(self) -> None:
        pause = self._pause
        while not self._stopping.wait(pause):
            if self._has_paid():
                return
            pause = min(2 * pause, LONGEST_PAUSE)

    def _has_paid(self) -> bool:
        """Try once; what was noted meanwhile needs a try of its own.

        The lock is not held while the database is waited for: whoever notes has a host waiting.
        """
        with self._lock:
            request = self._request
        assert request is not None
        try:
            self._store(request)
        except Exception as error:  # whatever it is, a push must not be forgotten over it
            unexpected = None if isinstance(error, PaodError) else error
            logger.warning("a push still waits for its sync: %s", error, exc_info=unexpected)
            return False
        with self._lock:
            if self._request is not request:
                return False
            self._request, self._paying = None, False
            return True
