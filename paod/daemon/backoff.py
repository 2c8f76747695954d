"""When a child that ended is started again, and its work. Pure: it is told the time.

At once after a long life, later and later after short ones: a fault that comes back every time
must not keep a core busy, and one that happened once must not keep anybody waiting.
"""

from __future__ import annotations

from collections.abc import Callable

FIRST_REST = 2.0
LONGEST_REST = 300.0
FIRST = 0.25
HIGHEST = 30.0
LONG_LIFE = 60.0


def rest_after(times: int) -> float:
    """Return the seconds for which work waits that was cut off so many times by a death.

    Once may be bad luck, and is tried again at once.
    """
    if times <= 1:
        return 0.0
    return min(LONGEST_REST, FIRST_REST * 2.0 ** min(times - 2, 32))


class Backoff:
    """The delay before a child's next start, which doubles with each short life."""

    def __init__(self, uniform: Callable[[float, float], float]) -> None:
        self._uniform = uniform
        self._short_lives = 0

    def after(self, lived: float, *, useful: bool = False) -> float:
        """Return the seconds to wait after a life of ``lived`` seconds.

        ``useful``: it finished some work, which a fault at every start would have kept it from.
        """
        if useful or lived >= LONG_LIFE:
            self._short_lives = 0
        ceiling = min(HIGHEST, FIRST * 2 ** min(self._short_lives, 32))
        self._short_lives += 1
        return self._uniform(ceiling / 2, ceiling)
