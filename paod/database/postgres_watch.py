"""Whether the database answers while a process's pool says that it does not.

Whatever keeps a pool from lending when the server is there again, it must not last: while
questions are refused, a connection beside the pool is tried now and then. When that has worked for
a while and the pool has not, the pool is made again, which is logged and counted.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Final

from paod.errors import StoreError, StoreUnavailable

LOOK_SECONDS = 2.0
"""Between two looks, while questions are refused."""
STUCK_SECONDS = 10.0
"""For which the server answers and the pool lends nothing: longer than any request may take."""
WORTH_SAYING: Final = 1.0
"""Seconds of an outage whose end is logged."""

logger = logging.getLogger("paod.database")


class Watch:
    """Watches over the pool of one process, in a thread of its own while there is something wrong.

    ``ask`` asks the server over a connection beside the pool, ``borrow`` over one of the pool; both
    raise ``StoreUnavailable``. ``renew`` puts another pool in its place.
    """

    def __init__(
        self,
        ask: Callable[[], object],
        borrow: Callable[[], object],
        renew: Callable[[], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._ask, self._borrow, self._renew = ask, borrow, renew
        self._clock = clock
        self._guard = threading.Lock()
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._refuses_since: float | None = None
        self._answers_since: float | None = None
        """Since when the server answers and the pool does not."""

    def lent(self) -> None:
        """Note that the pool lent a connection: if there was an outage, it is over."""
        if self._refuses_since is None:
            return
        with self._guard:
            since, self._refuses_since, self._answers_since = self._refuses_since, None, None
        if since is not None and self._clock() - since > WORTH_SAYING:
            logger.info("the database is back, after %.0f s", self._clock() - since)

    def refused(self, error: StoreUnavailable) -> StoreUnavailable:
        """Note that the pool lent none; return what to raise, which says whose fault it is."""
        with self._guard:
            if self._refuses_since is None:
                self._refuses_since = self._clock()
            if self._thread is None and not self._ended.is_set():
                self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
                self._thread.start()
            if self._answers_since is None:
                return error
        return StoreUnavailable(
            f"{error}; but the database answers",
            "the connections are made again by themselves",
            reason="PoolStuck",
        )

    def look(self) -> bool:
        """Look once; return whether there is still something to look at."""
        try:
            self._ask()
        except StoreError:  # whatever it is, the next look may find another state
            self._answers_since = None
            return True
        try:
            self._borrow()
        except StoreError as error:
            self._compare(error)
            return True
        return self._refuses_since is not None

    def close(self) -> None:
        """Look no more."""
        self._ended.set()

    def _compare(self, error: StoreError) -> None:
        now = self._clock()
        if self._answers_since is None:
            self._answers_since = now
        elif now - self._answers_since >= STUCK_SECONDS:
            logger.error(
                "the database has answered for %.0f s while this process's connections did not"
                " (%s): they are made again",
                *(now - self._answers_since, error),
            )
            self._answers_since = None
            self._renew()

    def _run(self) -> None:
        while True:
            goes_on = not self._ended.wait(LOOK_SECONDS) and self.look()
            with self._guard:
                if goes_on or (self._refuses_since is not None and not self._ended.is_set()):
                    continue
                self._thread = None
                return
