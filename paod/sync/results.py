"""How a sync can end, each as the ``SyncResult`` that its row will say."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from paod.errors import PaodError, Rejected, SyncRefused
from paod.model import Head, Pin, Plan, SyncResult, SyncStatus
from paod.sync.timing import Timings

log = logging.getLogger("paod.sync")


@dataclass(frozen=True, slots=True)
class Route:
    """From which commit to which.

    ``anew``: the fold starts from nothing; ``rewritten``: it must, as the applied commit is no
    longer on the branch's first-parent line.
    """

    applied: str | None
    target: str
    anew: bool
    rewritten: bool


def succeeded(route: Route, plan: Plan, timings: Timings) -> SyncResult:
    """The plan was carried out (or, in a dry run, would be)."""
    return SyncResult(
        status="completed",
        reason="Succeeded",
        message="",
        mode="full" if route.anew else "incremental",
        from_commit=route.applied,
        to_commit=route.target,
        history_rewritten=route.rewritten,
        items=plan.items,
        bundles=plan.bundles,
        errors=plan.after.errors,
        warnings=plan.after.warnings,
        timings=timings.seconds(),
    )


def up_to_date(route: Route, timings: Timings) -> SyncResult:
    """The branch has nothing that is not applied."""
    return SyncResult(
        "completed",
        "UpToDate",
        "nothing changed",
        from_commit=route.applied,
        to_commit=route.target,
        timings=timings.seconds(),
    )


def held(pin: Pin, head: Head) -> SyncResult:
    """The catalog is pinned; the request is recorded and moves nothing."""
    message = f"the catalog is held at {pin.commit[:12]}: {pin.reason}"
    return SyncResult(
        "completed", "Pinned", message, from_commit=head.commit, to_commit=head.commit
    )


def no_commits(head: Head) -> SyncResult:
    """The remote is a repository without any commit: fine at first, never taken for a removal."""
    if head.commit is None:
        return SyncResult("completed", "EmptyRepository", "the repository has no commits yet")
    message = "the repository has no commits any more; the catalog stays as it is"
    return SyncResult("blocked", "EmptyRepository", message, from_commit=head.commit)


def refused(result: SyncResult, refusal: SyncRefused) -> SyncResult:
    """The commit was read, and is not applied."""
    status: SyncStatus = "rejected" if isinstance(refusal, Rejected) else "blocked"
    return replace(result, status=status, reason=refusal.reason_given, message=sentence(refusal))


def failure(error: Exception, timings: Timings) -> SyncResult:
    """Something stood in the way; the catalog is as it was."""
    status: SyncStatus = "blocked" if isinstance(error, SyncRefused) else "failed"
    if isinstance(error, PaodError):
        reason, message = error.reason_given, sentence(error)
    elif isinstance(error, MemoryError):
        reason, message = "OutOfMemory", "the sync needs more memory than PAO_SYNC_MEMORY gives it"
    else:
        log.exception("a sync failed in a way that nobody thought of")
        reason, message = "InternalError", f"{type(error).__name__}: see the log"
    return SyncResult(status, reason, message, timings=timings.seconds())


def sentence(error: PaodError) -> str:
    """Return what happened and what to do about it, in one line."""
    return f"{error}; {error.hint}" if error.hint else str(error)
