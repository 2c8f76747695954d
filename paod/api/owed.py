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

    def __init__(self, store: Callable[[SyncRequest], object], stopping: threading.Event) -> None:
        self._store = store
        self._stopping = stopping
        self._lock = threading.Lock()
        self._request: SyncRequest | None = None

    def note(self, request: SyncRequest) -> None:
        """Remember a request in place of one that waits already."""
        with self._lock:
            running, self._request = self._request is not None, request
        if not running:
            threading.Thread(target=self._pay, name="owed-sync", daemon=True).start()

    def _pay(self) -> None:
        pause = FIRST_PAUSE
        while not self._stopping.wait(pause):
            if self._stored():
                return
            pause = min(2 * pause, LONGEST_PAUSE)

    def _stored(self) -> bool:
        """Try once; what is noted from here on needs a try of its own."""
        with self._lock:
            request = self._request
            assert request is not None
            try:
                self._store(request)
            except PaodError as error:
                logger.warning("a push still waits for its sync: %s", error)
                return False
            self._request = None
            return True
