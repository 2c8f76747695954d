"""The pipeline: what do we have, what is wanted, what changed, what follows, write it at once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from paod.catalog.fold import fold
from paod.catalog.guard import refuse_errors, refuse_mass_removal
from paod.catalog.plan import plan
from paod.config import Settings
from paod.errors import Blocked, MirrorBroken, PaodError, Rejected, StoreError
from paod.failpoint import failpoint
from paod.log import event
from paod.mirror import Mirror
from paod.model import ClaimedSync, Commit, Folded, Head, Pin, Plan, Stored, SyncRequest, SyncResult
from paod.signers import Signers
from paod.store import Store, stamp
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
from paod.sync.settled import Memory, basis_of, rules_of
from paod.sync.steps import Note, Reader
from paod.sync.timing import Progress, Route

CRASHES_TO_SET_ASIDE = 2

log = logging.getLogger("paod.sync")


def _ignore(_phase: str) -> None:
    """Tell nobody of a phase."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a sync works with. ``clock`` gives the time in UTC; ``note`` is told what is in hand.

    ``on_phase`` is told the name of each phase as it begins.
    """

    mirror: Mirror
    store: Store
    settings: Settings
    memory: Memory
    clock: Callable[[], datetime]
    note: Note
    on_phase: Callable[[str], None] = _ignore


@dataclass(frozen=True, slots=True)
class _Job:
    """One sync under way: what was asked for, what it is done with, how far it has come."""

    sync: ClaimedSync
    shop: Workshop
    progress: Progress

    @property
    def request(self) -> SyncRequest:
        return self.sync.request


@dataclass(frozen=True, slots=True)
class _Start:
    """What a sync starts from, and the commits that lead from there to its target."""

    head: Head
    stored: Stored
    target: str
    commits: tuple[Commit, ...]
    anew: bool


def run(sync: ClaimedSync, shop: Workshop) -> SyncResult:
    """Carry out one request and write how it ended, whatever happens. Raises nothing.

    A mirror that cannot be read is made anew, once. When even the outcome cannot be written, the
    row stays ``running``, for whoever takes the lock next.
    """
    job = _Job(sync, shop, Progress(shop.on_phase))
    try:
        result = _with_whole_mirror(job)
    except Exception as error:  # the top of a sync: whatever it was, the row says so
        shop.memory.forget()
        result = _finish(job, failure(error, job.progress))
    _tell(sync, result)
    return result


def _with_whole_mirror(job: _Job) -> SyncResult:
    try:
        return _attempt(job)
    except MirrorBroken as broken:
        log.warning("the mirror cannot be read and is made anew: %s", broken)
        with job.progress.phase("rebuild"):
            job.shop.mirror.renew(str(broken))
        return _attempt(job)


def _attempt(job: _Job) -> SyncResult:
    head = job.shop.store.head()
    job.progress.route = Route(head.commit)
    if head.pin is not None and job.request.pin is None and not job.request.dry_run:
        return _finish(job, held(head.pin, head))
    with job.progress.phase("fetch"):
        target = _target(job)
    if target is None:
        return _finish(job, no_commits(head), verified=head.commit is None)
    _trust(job, head, target)
    with job.progress.phase("load"):
        stored = job.shop.memory.at(head, job.shop.store)
    start = _start(job, head, stored, target)
    if not start.commits and job.request.pin is None:
        return _finish(job, up_to_date(stored, job.progress), verified=job.request.follows_branch)
    with job.progress.phase("fold"):
        folded = _fold(job, start)
    with job.progress.phase("plan"):
        planned = plan(stored, folded, anew=start.anew)
    return _decide(job, start, planned)


def _target(job: _Job) -> str | None:
    """Find the commit to go to; a named one is looked for here first, as the remote may be down."""
    mirror, commit = job.shop.mirror, job.request.commit
    if commit is None:
        return mirror.fetch()
    try:
        return mirror.resolve(commit)
    except PaodError:
        mirror.fetch()
        return mirror.resolve(commit)


def _trust(job: _Job, head: Head, target: str) -> None:
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


def _start(job: _Job, head: Head, stored: Stored, target: str) -> _Start:
    """Find the way from the applied commit, or from nothing where that one is no base.

    To go on from a commit needs the same rules. A rollback goes back, to what a fold anew gives;
    to the commit that is served it goes nowhere.
    """
    settings, mirror = job.shop.settings, job.shop.mirror
    back = job.request.pin == "set" and target != head.commit
    anew = job.request.mode == "full" or back or head.basis != basis_of(settings)
    line = mirror.line(target, None if anew else head.commit, settings.history_depth)
    job.progress.route = Route(
        applied=head.commit,
        target=target,
        anew=not line.continues,
        rewritten=not anew and not line.continues and _left_history(job, head, target),
        cut=not line.continues and len(line.commits) == settings.history_depth,
    )
    return _Start(head, stored, target, line.commits, anew=not line.continues)


def _left_history(job: _Job, head: Head, target: str) -> bool:
    """Tell whether the branch was rewritten, and is not merely longer than the fold goes back."""
    if head.commit is None or job.request.commit is not None:
        return False
    return not job.shop.mirror.is_ancestor(head.commit, target)


def _fold(job: _Job, start: _Start) -> Folded:
    """Fold the commits onto what is stored, or onto nothing.

    Files that were examined before need no second look, unless all shall be looked at again.
    """
    shop = job.shop
    known = job.request.mode != "full" and start.head.basis == basis_of(shop.settings)
    crashes = shop.store.crashes()
    reader = Reader(
        mirror=shop.mirror,
        rules=rules_of(shop.settings),
        known=start.stored.catalog.files if known else {},
        crashing={oid for oid, count in crashes.items() if count >= CRASHES_TO_SET_ASIDE},
        note=shop.note,
    )
    before = Stored().catalog if start.anew else start.stored.catalog
    steps = reader.steps(start.commits, None if start.anew else start.head.commit)
    return fold(before, steps, shop.settings.version_policy)


def _decide(job: _Job, start: _Start, planned: Plan) -> SyncResult:
    """Refuse the plan, only tell it, or carry it out."""
    result = succeeded(planned, job.progress)
    try:
        _guard(job, start, planned)
    except Rejected as refusal:
        return _reject(job, planned, refused(result, refusal))
    except Blocked as refusal:
        return _finish(job, refused(result, refusal))
    if job.request.dry_run:
        return _finish(job, told(result, planned))
    return _apply(job, start, planned)


def _guard(job: _Job, start: _Start, planned: Plan) -> None:
    settings = job.shop.settings
    if settings.sync_policy == "strict":
        refuse_errors(planned, start.target)
    if not _removal_allowed(job.request, start.target):
        refuse_mass_removal(
            start.stored,
            planned,
            settings.max_removal_percent,
            commit=start.target,
            leave=how_to_allow(job.request, start.target),
        )


def _removal_allowed(request: SyncRequest, target: str) -> bool:
    """Tell whether leave was given for this very commit, in full or by the first digits."""
    allowed = request.allow_mass_removal
    return allowed is not None and len(allowed) >= 7 and target.startswith(allowed)


def _reject(job: _Job, planned: Plan, rejection: SyncResult) -> SyncResult:
    """Record a rejected commit's problems beside those of the catalog; a dry run records none."""
    if job.request.dry_run:
        return _finish(job, rejection)
    job.shop.store.finish(job.sync.id, rejection, problems=planned.problems)
    return rejection


def _apply(job: _Job, start: _Start, planned: Plan) -> SyncResult:
    shop = job.shop
    with job.progress.phase("apply"):
        failpoint("before_apply")
        generation = shop.store.apply(
            job.sync.id,
            planned,
            succeeded(planned, job.progress),
            commit=start.target,
            basis=basis_of(shop.settings),
            pin=_pin(job, start),
            touch_checked=job.request.commit is None,
        )
        failpoint("after_apply")
    _keep_commit(shop.mirror, start.target)
    shop.memory.keep(planned.after, replace(start.head, commit=start.target, generation=generation))
    return succeeded(planned, job.progress)


def _keep_commit(mirror: Mirror, commit: str) -> None:
    """Hold the applied commit in the mirror; the catalog stands without it: a failure is told."""
    try:
        mirror.keep(commit)
    except PaodError as error:
        log.warning("commit %s is not held in the mirror: %s", commit, error)


def _pin(job: _Job, start: _Start) -> Pin | None:
    if job.request.pin is None:
        return start.head.pin
    if job.request.pin == "clear":
        return None
    return Pin(start.target, job.request.reason, stamp(job.shop.clock()))


def _finish(job: _Job, result: SyncResult, *, verified: bool = False) -> SyncResult:
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
