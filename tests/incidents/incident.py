"""An incident: its name, and how it is played."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.incidents.site import Site

Play = Callable[[Site], None]


@dataclass(frozen=True)
class Incident:
    """``quick``: pytest plays it too. ``disk``: MiB of a disk of its own for the state."""

    name: str
    play: Play
    quick: bool = False
    disk: int | None = None

    @property
    def title(self) -> str:
        """What happens, in words: the first sentence of what plays it."""
        return (self.play.__doc__ or "").partition(".")[0]
