"""What was asked for, where the catalog stands, and how a sync ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from paod.model.plan import CatalogChange, Counts
from paod.model.words import Trigger
from paod.ref import is_commit


@dataclass(frozen=True, slots=True)
class Pin:
    """The commit at which the catalog is held, and why. ``since``: UTC, ISO 8601."""

    commit: str
    reason: str
    since: str


@dataclass(frozen=True, slots=True)
class Edition:
    """One state of one database: a number, and what tells it from others of that number.

    ``epoch`` is random, and another one for each generation; ``timeline`` is, until the database
    goes back.
    """

    timeline: str
    generation: int
    epoch: str


@dataclass(frozen=True, slots=True)
class WentBack:
    """When the database was last found to be older than it had been, and from where to where.

    ``lost``: the highest generation that is known to have been; None: nobody knows of any.
    """

    at: str
    lost: int | None
    generation: int

    def __str__(self) -> str:
        """Return it as a sentence for people."""
        if self.lost is None:
            return (
                f"the database was restored or has another server, at generation {self.generation}"
            )
        if self.lost > self.generation:
            return f"the database went back from generation {self.lost} to {self.generation}"
        return (
            f"the database went back from generation {self.lost},"
            f" and is at another generation {self.generation} by now"
        )


@dataclass(frozen=True, slots=True)
class Head:
    """The one row of head state.

    ``commit`` is the applied one, None before the first sync. ``basis`` is a hash of all settings
    that the fold depends on: when it differs, the fold starts from scratch. ``epoch`` is the
    generation's random id, ``timeline`` the one of all since the database last went back; ``seal``
    is what cursors are sealed with. Times: UTC, ISO 8601. ``synced_at`` is when the commit was
    applied, ``checked_at`` when the remote was last seen to have nothing newer. ``passed`` is the
    branch's newest commit that deliveries showed to change nothing under the root since ``commit``.
    """

    epoch: str
    timeline: str = ""
    seal: str = ""
    commit: str | None = None
    generation: int = 0
    basis: str = ""
    synced_at: str | None = None
    checked_at: str | None = None
    pin: Pin | None = None
    passed: str | None = None
    went_back: WentBack | None = None
    applied_with: str | None = None
    """Whose settings the catalog was made with (``model/basis.py``); None: nobody knows."""
    applied_sync: int | None = None
    """The sync that wrote the rows last."""

    @property
    def edition(self) -> Edition:
        """Which state this is."""
        return Edition(self.timeline, self.generation, self.epoch)


NO_DOCUMENTS = "no documents under "
"""With which the message of a sync begins whose catalog is empty."""
SyncStatus = Literal[
    "queued", "running", "completed", "failed", "rejected", "blocked", "superseded"
]


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What somebody asked for. The follow-the-branch ones merge; the others run alone, in order.

    ``pin``: None leaves the pin alone, ``"set"`` holds the catalog at ``commit`` with ``reason``,
    ``"clear"`` lets it follow the branch again. ``allow_mass_removal`` is the commit for which a
    mass removal is allowed, or None. ``webhook`` explains the trigger: ref, before, after,
    head commit, pusher, delivery. ``ref`` is looked at as if it were merged into the branch, which
    only a dry run does: a ref in full, ``refs/pull/7/head``.
    """

    trigger: Trigger
    mode: Literal["incremental", "full"] = "incremental"
    commit: str | None = None
    dry_run: bool = False
    allow_mass_removal: str | None = None
    pin: Literal["set", "clear"] | None = None
    reason: str = ""
    webhook: Mapping[str, Any] | None = None
    ref: str | None = None

    @property
    def follows_branch(self) -> bool:
        """Whether it only asks to catch up, so that a newer one can stand for it."""
        return self.commit is None and self.pin is None and not self.dry_run


def preview_request(wanted: str | None) -> SyncRequest:
    """Return the dry run that looks at what ``paod.ref.full`` gave; None: the branch's head."""
    if wanted is not None and is_commit(wanted):
        return SyncRequest("manual", dry_run=True, commit=wanted)
    return SyncRequest("manual", dry_run=True, ref=wanted)


@dataclass(frozen=True, slots=True)
class ClaimedSync:
    """The request that runs now, with what it merged: ``triggers`` of all, oldest first."""

    id: int
    request: SyncRequest
    triggers: tuple[Trigger, ...]


@dataclass(frozen=True, slots=True)
class SyncResult:
    """How a sync ended. ``timings``: seconds by phase (fetch, walk, fold, plan, apply)."""

    status: SyncStatus
    reason: str
    message: str
    mode: Literal["incremental", "full"] = "incremental"
    from_commit: str | None = None
    to_commit: str | None = None
    history_rewritten: bool = False
    items: Counts = field(default_factory=Counts)
    bundles: Counts = field(default_factory=Counts)
    errors: int = 0
    warnings: int = 0
    timings: Mapping[str, float] = field(default_factory=dict)
    changes: tuple[CatalogChange, ...] = ()
    """Filled for a dry run: what would have changed."""
    preview: Mapping[str, Any] | None = None
    """Of a dry run: what that means, in JSON (``paod.preview``)."""
    retry_after: float = 0.0
    """Seconds for which the remote asked to be left alone. For the schedule; it is not stored."""
