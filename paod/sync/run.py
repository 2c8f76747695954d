"""The pipeline: what do we have, what is wanted, what changed, what follows, write it at once."""

from __future__ import annotations

import logging
from dataclasses import asdict, replace

from paod.basis import applied_with, basis_of
from paod.catalog.guard import LISTED
from paod.catalog.plan import plan
from paod.errors import (
    Blocked,
    FetchFailed,
    MirrorBroken,
    PaodError,
    Rejected,
    StoreError,
    SyncOverdue,
)
from paod.failpoint import failpoint
from paod.log import event
from paod.mirror import Mirror
from paod.model import NO_DOCUMENTS, ClaimedSync, Head, Pin, Plan, Stored, SyncRequest, SyncResult
from paod.model.basis import other_source
from paod.preview import NOTHING, outlook
from paod.signers import Signers
from paod.store import stamp
from paod.sync.empty import why_empty
from paod.sync.job import Job, Start, Workshop
from paod.sync.policy import check_policies
from paod.sync.proposal import MEND_FIRST, proposal, weigh
from paod.sync.results import (
    failure,
    held,
    how_to_allow,
    no_commits,
    refused,
    succeeded,
    told,
    up_to_date,
)
from paod.sync.timing import Progress, Route
from paod.sync.way import find_target, find_way, reader_of, walk

log = logging.getLogger("paod.sync")


def run(sync: ClaimedSync, shop: Workshop) -> SyncResult:
    """Carry out one request and write how it ended, whatever happens. Raises nothing.

    A mirror that cannot be read is made anew, once. When even the outcome cannot be written, the
    row stays ``running``, for whoever takes the lock next.
    """
    job = Job(sync, shop, Progress(shop.on_phase))
    try:
        result = _with_whole_mirror(job)
    except SyncOverdue as error:
        result = _again(job, failure(error, job.progress))
    except Exception as error:  # the top of a sync: whatever it was, the row says so
        shop.memory.forget()
        result = _finish(job, failure(error, job.progress))
    _tell(sync, result)
    return result


def _again(job: Job, result: SyncResult) -> SyncResult:
    """Queue a sync again that is over its time, in its old place; a dry run just fails."""
    if job.request.dry_run:
        return _finish(job, result)
    try:
        job.shop.store.recover(result.reason, result.message)
    except StoreError as error:
        log.error("sync %d cannot be queued again: %s", job.sync.id, error)
    return result


def _with_whole_mirror(job: Job) -> SyncResult:
    try:
        return _attempt(job)
    except MirrorBroken as broken:
        log.warning("the mirror cannot be read and is made anew: %s", broken)
        with job.progress.phase("rebuild"):
            job.shop.mirror.renew(str(broken))
        return _with_new_mirror(job, str(broken))


def _with_new_mirror(job: Job, why: str) -> SyncResult:
    try:
        return _attempt(job)
    except MirrorBroken as again:
        if str(again) != why:
            raise
        raise FetchFailed(
            f"the repository itself is not whole: {again}",
            "is it a shallow clone? `git fetch --unshallow` there makes it whole, `git fsck` names"
            " what is missing; or set PAO_REPO_URL to the one that it was cloned from",
            reason="RemoteIncomplete",
        ) from again


def _attempt(job: Job) -> SyncResult:
    head = job.shop.store.head()
    job.progress.route = Route(head.commit)
    if other := other_source(head.applied_with, applied_with(job.shop.settings)):
        log.warning("the catalog becomes that of another source (%s)", other)
    if head.pin is not None and job.request.pin is None and not job.request.dry_run:
        return _finish(job, held(head.pin, head))
    with job.progress.phase("fetch"):
        target = find_target(job)
    if target is None:
        return _finish(job, no_commits(head), verified=head.commit is None)
    _trust(job, head, target.commit)
    with job.progress.phase("load"):
        if job.request.mode == "full":
            job.shop.memory.forget()  # it is compared with what the store holds, whatever that is
        stored = job.shop.memory.at(head, job.shop.store)
    start = find_way(job, head, stored, target.commit)
    if target.proposed is not None:
        return _finish(job, _preview(job, start, target.proposed))
    if not start.commits and job.request.pin is None:
        return _finish(job, _up_to_date(job, stored), verified=job.request.follows_branch)
    with job.progress.phase("fold"):
        folded = walk(job, start)
    with job.progress.phase("plan"):
        planned = plan(stored, folded, anew=start.anew)
    return _decide(job, start, planned)


def _up_to_date(job: Job, stored: Stored) -> SyncResult:
    result = _explained(job, stored, up_to_date(stored, job.progress))
    return replace(result, preview=NOTHING) if job.request.dry_run else result


def _explained(job: Job, stored: Stored, result: SyncResult) -> SyncResult:
    """Say why a catalog without any document is empty."""
    assert result.to_commit is not None
    root = job.shop.settings.catalog_root
    empty = why_empty(stored.catalog, job.shop.mirror, root, result.to_commit)
    return replace(result, message=empty) if empty else result


def _preview(job: Job, start: Start, commit: str) -> SyncResult:
    """Tell what merging a commit into the branch would change, as the branch has it now."""
    base = start.stored
    with job.progress.phase("fold"):
        if start.commits:
            base = plan(base, walk(job, start), anew=start.anew).after
        found = proposal(reader_of(job, base.catalog.files), commit, start.target)
    job.progress.route = Route(start.target, commit)
    return weigh(base, found, job.shop.settings, job.progress)


def _trust(job: Job, head: Head, target: str) -> None:
    """Refuse a commit that nobody signed who is trusted, whoever asked for it; raise ``Blocked``.

    It stands for its history: the catalog at a commit is a function of that, signed or not.
    """
    file = job.shop.settings.allowed_signers
    if file is None:
        return
    job.progress.route = Route(head.commit, target)
    with job.progress.phase("verify"):
        signer = Signers(file).verify(target, job.shop.mirror.raw(target))
    log.debug("commit %s is signed by %s", target, signer)


def _decide(job: Job, start: Start, planned: Plan) -> SyncResult:
    """Refuse the plan, only tell it, or carry it out."""
    result = succeeded(planned, job.progress)
    if job.request.dry_run:
        result = told(result, planned, outlook(start.stored, planned))
    try:
        _check(job, start, planned)
    except Rejected as refusal:
        return _reject(job, planned, refused(result, refusal))
    except Blocked as refusal:
        return _finish(job, refused(result, refusal))
    if job.request.dry_run:
        return _finish(job, result)
    return _apply(job, start, planned)


def _check(job: Job, start: Start, planned: Plan) -> None:
    check_policies(
        job.shop.settings,
        start.stored,
        planned,
        commit=start.target,
        leave=how_to_allow(job.request, start.target),
        mend=MEND_FIRST if job.request.dry_run else LISTED,
        removal_allowed=_removal_allowed(job.request, start.target),
    )


def _removal_allowed(request: SyncRequest, target: str) -> bool:
    """Tell whether leave was given for this very commit, in full or by the first digits."""
    allowed = request.allow_mass_removal
    return allowed is not None and len(allowed) >= 7 and target.startswith(allowed)


def _reject(job: Job, planned: Plan, rejection: SyncResult) -> SyncResult:
    """Record a rejected commit's problems beside those of the catalog; a dry run records none."""
    if job.request.dry_run:
        return _finish(job, rejection)
    job.shop.store.finish(job.sync.id, rejection, problems=planned.problems)
    return rejection


def _apply(job: Job, start: Start, planned: Plan) -> SyncResult:
    shop = job.shop
    result = _explained(job, planned.after, succeeded(planned, job.progress))
    if result.message.startswith(NO_DOCUMENTS):
        log.warning("%s", result.message)
    with job.progress.phase("apply"):
        failpoint("before_apply")
        served = shop.store.apply(
            job.sync.id,
            planned,
            result,
            commit=start.target,
            basis=basis_of(shop.settings),
            applied_with=applied_with(shop.settings),
            pin=_pin(job, start),
            touch_checked=job.request.commit is None,
        )
        failpoint("after_apply")
    shop.verdicts.clear()
    _keep_commit(shop.mirror, start.target)
    head = replace(
        start.head,
        commit=start.target,
        basis=basis_of(shop.settings),
        applied_sync=job.sync.id,
    )
    shop.memory.keep(planned.after, replace(head, **asdict(served)))
    return replace(result, timings=job.progress.seconds())


def _keep_commit(mirror: Mirror, commit: str) -> None:
    """Hold the applied commit in the mirror; the catalog stands without it: a failure is told."""
    try:
        mirror.keep(commit)
    except PaodError as error:
        log.warning("commit %s is not held in the mirror: %s", commit, error)


def _pin(job: Job, start: Start) -> Pin | None:
    if job.request.pin is None:
        return start.head.pin
    if job.request.pin == "clear":
        return None
    return Pin(start.target, job.request.reason, stamp(job.shop.clock()))


def _finish(job: Job, result: SyncResult, *, verified: bool = False) -> SyncResult:
    """Write an outcome that changes no catalog; ``verified``: the remote has nothing newer."""
    try:
        job.shop.store.finish(job.sync.id, result, touch_checked=verified)
    except StoreError as error:
        log.error("the outcome of sync %d cannot be written: %s", job.sync.id, error)
    return result


def _tell(sync: ClaimedSync, result: SyncResult) -> None:
    event(
        "sync",
        level=logging.INFO if result.status == "completed" else logging.ERROR,
        id=sync.id,
        trigger=sync.request.trigger,
        status=result.status,
        reason=result.reason,
        mode=result.mode,
        from_=result.from_commit,
        to=result.to_commit,
        added=result.items.added + result.bundles.added,
        updated=result.items.updated + result.bundles.updated,
        removed=result.items.removed + result.bundles.removed,
        problems=result.errors + result.warnings,
        ms=round(1000 * sum(result.timings.values())),
        message=result.message or None,
    )
