"""One sync under way: what it works with, what was asked for, where it starts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime

from paod.config import Settings
from paod.mirror import Mirror
from paod.model import ClaimedSync, Commit, Head, Stored, SyncRequest
from paod.store import Store
from paod.sync.settled import Memory
from paod.sync.steps import Note
from paod.sync.timing import Progress
from paod.sync.verdicts import Verdicts


def _ignore(_phase: str) -> None:
    """Tell nobody of a phase."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a sync works with. ``clock`` gives the time in UTC; ``note`` is told what is in hand.

    ``verdicts`` are those of earlier attempts.
    ``on_phase`` is told the name of each phase as it begins; each fetch runs in a ``fetching``.
    """

    mirror: Mirror
    store: Store
    settings: Settings
    memory: Memory
    clock: Callable[[], datetime]
    note: Note
    on_phase: Callable[[str], None] = _ignore
    verdicts: Verdicts = field(default_factory=Verdicts)
    fetching: Callable[[], AbstractContextManager[None]] = nullcontext


@dataclass(frozen=True, slots=True)
class Job:
    """One sync under way: what was asked for, what it is done with, how far it has come."""

    sync: ClaimedSync
    shop: Workshop
    progress: Progress

    @property
    def request(self) -> SyncRequest:
        return self.sync.request


@dataclass(frozen=True, slots=True)
class Target:
    """The commit to go to. ``proposed`` is one that is looked at as if it were merged there."""

    commit: str
    proposed: str | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """What a sync starts from, and the commits that lead from there to its target."""

    head: Head
    stored: Stored
    target: str
    commits: tuple[Commit, ...]
    anew: bool
