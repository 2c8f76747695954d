"""How long each phase of a sync took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


class Timings:
    """Seconds by phase, in the order in which the phases began."""

    def __init__(self, on_phase: Callable[[str], None]) -> None:
        """``on_phase`` is told the name of each phase as it begins."""
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

    def total(self) -> float:
        """Return the sum of all phases."""
        return sum(self._seconds.values())
