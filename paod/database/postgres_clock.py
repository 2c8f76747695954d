"""The server's clock, which all machines have in common: theirs may be hours apart.

It is asked once a minute; in between time passes by this machine's own steady clock, which nobody
can set.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from paod.database.protocol import Row

GOOD_FOR: Final = 60.0
"""Seconds for which an answer holds: so long it takes to follow a clock that was set."""
_ASK: Final = "SELECT clock_timestamp() AS now"


class ServerClock:
    """What one process knows of the server's clock. ``steady`` counts seconds, from anywhere."""

    def __init__(self, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._known: tuple[float, datetime] | None = None

    def now(self, query: Callable[[str], list[Row]]) -> datetime:
        """Return the server's time, in UTC; ``query`` asks it."""
        known, here = self._known, self._steady()
        if known is None or here - known[0] > GOOD_FOR:
            told = datetime.fromisoformat(query(_ASK)[0]["now"])
            known = (here + self._steady()) / 2, told
            self._known = known
        return known[1] + timedelta(seconds=max(0.0, self._steady() - known[0]))
