"""How a sync can end, each as the ``SyncResult`` that its row will say."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from paod.errors import FetchFailed, PaodError, Rejected, SyncRefused
from paod.model import Head, Pin, Plan, Stored, SyncRequest, SyncResult, SyncStatus
from paod.sync.timing import Progress

log = logging.getLogger("paod.sync")


def succeeded(plan: Plan, progress: Progress) -> SyncResult:
    """The plan was carried out (or, in a dry run, would be)."""
    route = progress.route
    message = "older history was not looked at (PAO_HISTORY_DEPTH)" if route.cut else ""
    return replace(
        _ended("completed", "Succeeded", message, progress),
        items=plan.items,
        bundles=plan.bundles,
        errors=plan.after.errors,
        warnings=plan.after.warnings,
    )


def up_to_date(stored: Stored, progress: Progress) -> SyncResult:
    """The branch has nothing that is not applied."""
    result = _ended("completed", "UpToDate", "nothing changed", progress)
    return replace(result, errors=stored.errors, warnings=stored.warnings)


def _ended(status: SyncStatus, reason: str, message: str, progress: Progress) -> SyncResult:
    route = progress.route
    return SyncResult(
        status=status,
        reason=reason,
        message=message,
        mode="full" if route.anew else "incremental",
        from_commit=route.applied,
        to_commit=route.target,
        history_rewritten=route.rewritten,
        timings=progress.seconds(),
    )


def told(result: SyncResult, plan: Plan, preview: Mapping[str, Any]) -> SyncResult:
    """What a dry run says: the result as it would be, every change, and what that means."""
    message = "nothing was written: a dry run"
    return replace(result, message=message, changes=plan.changes, preview=preview)


def how_to_allow(request: SyncRequest, commit: str) -> str:
    """Return the command that repeats a request with leave for a mass removal by this commit."""
    if request.pin == "set":
        return f"paod rollback {commit} --reason '{request.reason}' --allow-mass-removal"
    if request.pin == "clear":
        return "paod resume --allow-mass-removal"
    return f"paod sync --commit {commit} --allow-mass-removal"


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


def failure(error: Exception, progress: Progress) -> SyncResult:
    """Something stood in the way; the catalog is as it was."""
    status: SyncStatus = "blocked" if isinstance(error, SyncRefused) else "failed"
    if isinstance(error, PaodError):
        reason, message = error.reason_given, sentence(error)
    elif isinstance(error, MemoryError):
        reason, message = "OutOfMemory", "the sync needs more memory than PAO_SYNC_MEMORY gives it"
    else:
        log.exception("a sync failed in a way that nobody thought of")
        reason, message = "InternalError", f"{type(error).__name__}: see the log"
    rest = error.retry_after if isinstance(error, FetchFailed) else 0.0
    return replace(_ended(status, reason, message, progress), retry_after=rest)


def sentence(error: PaodError) -> str:
    """Return what happened and what to do about it, in one line."""
    return f"{error}; {error.hint}" if error.hint else str(error)
