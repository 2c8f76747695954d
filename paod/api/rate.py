"""How often one address may do something: token buckets, in the memory of one process."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

ADDRESSES = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


class RateLimit:
    """Lets every address do something ``count`` times in ``seconds``, all at once if it likes.

    At most ``ADDRESSES`` are remembered; the one not heard of for longest is forgotten first.
    """

    def __init__(self, count: int, seconds: float, clock: Callable[[], float]) -> None:
        self._count = count
        self._per_second = count / seconds
        self._clock = clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, address: str) -> int:
        """Count one more for an address; return 0, or the seconds until it may do so again."""
        with self._lock:
            bucket = self._refilled(address)
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return 0
            return math.ceil((1 - bucket.tokens) / self._per_second)

    def _refilled(self, address: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.pop(address, None) or _Bucket(self._count, now)
        gained = (now - bucket.at) * self._per_second
        bucket.tokens, bucket.at = min(self._count, bucket.tokens + gained), now
        self._buckets[address] = bucket
        if len(self._buckets) > ADDRESSES:
            self._buckets.popitem(last=False)
        return bucket
