"""How far a sync has come: its phases with their times, and from where to where it leads."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Route:
    """From which commit to which.

    ``anew``: the fold starts from nothing; ``rewritten``: it must, as the applied commit is no
    longer in the branch's history. ``cut``: history is older than the fold goes back.
    """

    applied: str | None
    target: str | None = None
    anew: bool = False
    rewritten: bool = False
    cut: bool = False


class Progress:
    """Seconds by phase, in the order in which the phases began, and the ``route`` once known."""

    def __init__(self, on_phase: Callable[[str], None]) -> None:
        """``on_phase`` is told the name of each phase as it begins."""
        self.route = Route(None)
        self._on_phase = on_phase
        self._seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time until the block ends, however it ends."""
        self._on_phase(name)
        started = time.monotonic()
        try:
            yield
        finally:
            spent = time.monotonic() - started
            self._seconds[name] = round(self._seconds.get(name, 0.0) + spent, 6)

    def seconds(self) -> Mapping[str, float]:
        """Return what was counted so far."""
        return dict(self._seconds)
