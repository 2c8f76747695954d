"""How a fetch gets on: it may take long, but may not stand still.

A first clone of a big repository goes on for as long as it makes progress: bytes that came, or work
of this process on what came (a blob of two gigabytes of zeros comes in one megabyte). What makes
none for a while is ended; so is what has taken longer than any sensible repository.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from types import TracebackType

from paod.model.limits import FETCH_SECONDS, LEAST_SPEED

LEAST_BUSY = 0.1
"""Of a core: what this process does at least while it works on what came."""
_LEAST_LOOK = 0.2
_LOG_SECONDS = 10.0
_PREPARING_SECONDS = 600.0

log = logging.getLogger("paod.mirror")


class Transfer:
    """One fetch. ``patience``: seconds without progress after which it is ended.

    ``goes_on`` is told, by a thread of this, whenever it got on. To be used as a context.
    """

    def __init__(
        self,
        patience: float,
        goes_on: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
        busy: Callable[[], float] = time.process_time,
    ) -> None:
        """``clock`` and ``busy`` give seconds: of the wall, and of this process's work."""
        self._patience = patience
        self._goes_on = goes_on
        self._clock, self._busy = clock, busy
        self._began = self._seen_at = self._good_at = clock()
        self._seen_busy = busy()
        self._seen_bytes = self._logged_bytes = 0
        self.received = 0
        """Bytes that came so far."""
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="transfer", daemon=True)

    def __enter__(self) -> Transfer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()

    def look(self) -> bool:
        """Look whether it got on since the last look; return whether it did."""
        now, busy, received = self._clock(), self._busy(), self.received
        passed = now - self._seen_at
        if passed < _LEAST_LOOK * min(1.0, self._patience):
            return False
        fast = received - self._seen_bytes >= LEAST_SPEED * passed
        good = fast or busy - self._seen_busy >= LEAST_BUSY * passed
        self._seen_at, self._seen_busy, self._seen_bytes = now, busy, received
        if good:
            self._good_at = now
        return good

    def sign(self) -> None:
        """Note that the remote says something while it prepares what it sends."""
        if self._clock() - self._began < _PREPARING_SECONDS:
            self._good_at = self._clock()

    def fault(self) -> str | None:
        """Return why it is to be ended, None: it may go on."""
        self.look()
        now = self._clock()
        if now - self._began > FETCH_SECONDS:
            return f"did not deliver within {FETCH_SECONDS} seconds"
        if now - self._good_at > self._patience:
            return f"made no progress in {self._patience:g} seconds"
        return None

    def _watch(self) -> None:
        logged = told = self._began
        while not self._over.wait(min(1.0, self._patience / 4)):
            if self.fault() is None and self._good_at > told:
                told = self._good_at
                self._goes_on()
            if self._clock() - logged >= _LOG_SECONDS:
                logged = self._clock()
                log.info(
                    "fetch: %.1f MiB after %.0f s", self.received / 2**20, logged - self._began
                )
