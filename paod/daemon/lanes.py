"""Lanes for requests: what watches over paod, or tells it of a push, never waits behind readers.

Each lane has threads of its own, and a queue; which lane a request takes shows in its path. What
one kind of caller asks for, however much and however slow, leaves the others theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from waitress.task import ThreadedTaskDispatcher

HEALTH, WEBHOOKS, ADMIN, READERS = "health", "webhooks", "admin", "readers"
THREADS: Final[Mapping[str, int]] = {HEALTH: 2, WEBHOOKS: 4, ADMIN: 14, READERS: 16}
"""Of each lane, in one API worker. Ten of those of admins and of readers each may be held by
requests that wait (``api/waiting``)."""
_HEALTH_PATHS: Final = frozenset(("/livez", "/readyz", "/metrics", "/api/v1/health"))
_LANES: Final = (("/api/v1/webhooks/", WEBHOOKS), ("/api/v1/admin/", ADMIN))


def lane_of(path: str) -> str:
    """Return the lane of a request by its path."""
    if path in _HEALTH_PATHS:
        return HEALTH
    return next((lane for start, lane in _LANES if path.startswith(start)), READERS)


class Lanes:
    """What waitress takes for its dispatcher: hands each request to the threads of its lane."""

    def __init__(self, threads: Mapping[str, int] = THREADS) -> None:
        self._lanes = {lane: ThreadedTaskDispatcher() for lane in threads}
        for lane, count in threads.items():
            self._lanes[lane].set_thread_count(count)

    def add_task(self, task: Any) -> None:
        """Queue a connection whose first request is to be answered."""
        path = getattr(task.requests[0], "path", "")  # one that is no HTTP has none
        self._lanes[lane_of(path)].add_task(task)

    def shutdown(self, cancel_pending: bool = True, timeout: float = 5) -> bool:
        """End all threads."""
        ended = [lane.shutdown(cancel_pending, timeout) for lane in self._lanes.values()]
        return all(ended)
