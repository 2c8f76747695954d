"""When the remote is looked at next. Pure: it is told the time, in monotonic seconds, and decides.

Between polls of a sound remote lies the interval, ±10 %, so that many daemons do not knock
together. A failing remote is asked again after a random part, from a third on, of a growing
ceiling: wide enough to scatter those who ask, and under twenty attempts in an hour at the longest,
however short the interval. Whoever asks for a sync does not wait for any of it.
A commit that a webhook announced before the remote shows it is looked for a few times more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

JITTER = 0.1
FIRST_CEILING = 2.0
HIGHEST_CAP = 300.0
DENIED_CEILING = 10.0
"""A refused credential may lock an account when it is tried again and again: begin slower."""
DENIED_CAP = 900.0
DENIED = frozenset(
    (
        *("AuthenticationFailed", "Forbidden", "RepositoryNotFound", "RepositoryNotOwned"),
        *("RemoteIncomplete", "UnsupportedRefStorage", "UnsupportedObjectFormat"),
    )
)
"""Reasons that go on until somebody changes a credential, a setting or the repository."""
RATE_LIMITED_DELAY = 60.0
RECHECKS = (2.0, 5.0, 10.0, 30.0)
"""Seconds after a webhook at which a commit that was not there yet is looked for again."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a failed look says of the next one: its ``reason``, the seconds the remote asked for."""

    reason: str
    retry_after: float = 0.0


class Agenda:
    """The next look at the remote: the poll or the retry that is due, and the rechecks."""

    def __init__(self, interval: float, uniform: Callable[[float, float], float]) -> None:
        """Poll every ``interval`` seconds, 0: never. ``uniform(a, b)`` draws the randomness."""
        self._interval = interval
        self._uniform = uniform
        self._next = math.inf
        self._rechecks: list[float] = []
        self._failures = 0

    @property
    def failures(self) -> int:
        """How many looks failed one after the other."""
        return self._failures

    def settled(self, now: float) -> None:
        """Note that the remote answered; the next poll is an interval away."""
        self._failures = 0
        self._next = now + self._pause()

    def soon(self, now: float) -> None:
        """Make a look due now."""
        self._next = now

    def failed(self, now: float, failure: Failure) -> float:
        """Note a failure and return the seconds until it is tried again."""
        delay = self._delay(failure)
        self._failures += 1
        self._next = now + delay
        return delay

    def expect(self, now: float) -> None:
        """Look again soon: a commit was announced that the remote does not show yet."""
        self._rechecks = [now + after for after in RECHECKS]

    @property
    def expecting(self) -> bool:
        """Whether an announced commit is still looked for."""
        return bool(self._rechecks)

    def found(self) -> None:
        """Forget the rechecks: the announced commit is there."""
        self._rechecks = []

    def wait(self, now: float) -> float:
        """Return the seconds until the next look, 0 when one is due, infinite when none will be."""
        return max(0.0, min([self._next, *self._rechecks]) - now)

    def look(self, now: float) -> None:
        """Strike out what is due: the look is being taken.

        Should nobody tell how it ended, the next one is an interval away.
        """
        self._rechecks = [at for at in self._rechecks if at > now]
        if self._next <= now:
            self._next = now + self._pause()

    def _pause(self) -> float:
        interval = self._interval * self._uniform(1 - JITTER, 1 + JITTER)
        return interval or math.inf

    def _delay(self, failure: Failure) -> float:
        denied = failure.reason in DENIED
        first, cap = (DENIED_CEILING, DENIED_CAP) if denied else (FIRST_CEILING, HIGHEST_CAP)
        ceiling = min(cap, first * 2 ** min(self._failures, 32))
        floor = RATE_LIMITED_DELAY if failure.reason == "RateLimited" else 0.0
        return max(floor, failure.retry_after, self._uniform(ceiling / 3, ceiling))
