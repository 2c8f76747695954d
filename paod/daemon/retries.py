"""Requests that failed and shall run again, until a sync has done what each of them asked for.

They live in memory: after a restart the daemon's first sync catches up with the branch, while a
full sync or a resume that had failed is asked for anew by whoever wants it. Pure.
"""

from __future__ import annotations

from dataclasses import replace

from paod.model import SyncRequest

MOST = 8
"""Of more the oldest is forgotten; so many mean different things only by their leaves."""


class Retries:
    """What waits for the next look at the remote."""

    def __init__(self) -> None:
        self._waiting: list[SyncRequest] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def failed(self, request: SyncRequest) -> None:
        """Keep a request, in place of those that it covers."""
        self.done(request)
        again = replace(request, trigger="schedule")
        self._waiting = [*self._waiting, again][-MOST:]

    def done(self, request: SyncRequest) -> None:
        """Forget what a sync of ``request``, which went well, leaves nothing to do of."""
        self._waiting = [one for one in self._waiting if not _covers(request, one)]

    def pinned(self) -> None:
        """Forget to lift a pin: a newer one was set."""
        self._waiting = [one for one in self._waiting if one.pin is None]

    def take(self) -> list[SyncRequest]:
        """Hand over all that waits."""
        waiting, self._waiting = self._waiting, []
        return waiting


def _covers(request: SyncRequest, waiting: SyncRequest) -> bool:
    return (
        waiting.pin in (None, request.pin)
        and waiting.mode in ("incremental", request.mode)
        and waiting.allow_mass_removal in (None, request.allow_mass_removal)
    )
