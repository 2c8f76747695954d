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
from paod.store import Store, stamp
from paod.sync.results import (
    Route,
    failure,
    held,
    no_commits,
    refused,
    succeeded,
    up_to_date,
)
from paod.sync.settled import Memory, basis_of, rules_of
from paod.sync.steps import Note, Reader
from paod.sync.timing import Timings

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
class _Start:
    """What a sync starts from and where it shall lead."""

    head: Head
    stored: Stored
    commits: tuple[Commit, ...]
    route: Route

    @property
    def target(self) -> str:
        return self.route.target

    @property
    def anew(self) -> bool:
        return self.route.anew


def run(sync: ClaimedSync, shop: Workshop) -> SyncResult:
    """Carry out one request and write how it ended, whatever happens. Raises nothing.

    A mirror that cannot be read is made anew, once. When even the outcome cannot be written, the
    row stays ``running``, for whoever takes the lock next.
    """
    timings = Timings(shop.on_phase)
    try:
        result = _with_whole_mirror(sync, shop, timings)
    except Exception as error:  # the top of a sync: whatever it was, the row says so
        shop.memory.forget()
        result = failure(error, timings)
        _finish(sync, shop, result)
    _tell(sync, result)
    return result


def _with_whole_mirror(sync: ClaimedSync, shop: Workshop, timings: Timings) -> SyncResult:
    try:
        return _attempt(sync, shop, timings)
    except MirrorBroken as broken:
        log.warning("the mirror cannot be read and is made anew: %s", broken)
        with timings.phase("rebuild"):
            shop.mirror.renew(str(broken))
        return _attempt(sync, shop, timings)


def _attempt(sync: ClaimedSync, shop: Workshop, timings: Timings) -> SyncResult:
    request = sync.request
    head = shop.store.head()
    if head.pin is not None and request.pin is None and not request.dry_run:
        return _finish(sync, shop, held(head.pin, head))
    with timings.phase("fetch"):
        target = _target(request, shop)
    if target is None:
        return _finish(sync, shop, no_commits(head), verified=head.commit is None)
    with timings.phase("load"):
        stored = shop.memory.at(head, shop.store)
    start = _start(request, shop, head, stored, target)
    if not start.commits and request.pin is None:
        return _finish(sync, shop, up_to_date(start.route, timings), verified=True)
    with timings.phase("fold"):
        folded = _fold(start, request, shop)
    with timings.phase("plan"):
        planned = plan(stored, folded, anew=start.anew)
    return _decide(sync, shop, start, planned, timings)


def _target(request: SyncRequest, shop: Workshop) -> str | None:
    """Find the commit to go to; a named one is looked for here first, as the remote may be down."""
    if request.commit is None:
        return shop.mirror.fetch()
    try:
        return shop.mirror.resolve(request.commit)
    except PaodError:
        shop.mirror.fetch()
        return shop.mirror.resolve(request.commit)


def _start(request: SyncRequest, shop: Workshop, head: Head, stored: Stored, target: str) -> _Start:
    settings = shop.settings
    pinned = request.pin is not None or head.pin is not None
    anew = request.mode == "full" or pinned or head.basis != basis_of(settings)
    line = shop.mirror.line(target, None if anew else head.commit, settings.history_depth)
    rewritten = not anew and not line.continues and _left_the_line(shop.mirror, head, target)
    route = Route(head.commit, target, anew=not line.continues, rewritten=rewritten)
    return _Start(head, stored, line.commits, route)


def _left_the_line(mirror: Mirror, head: Head, target: str) -> bool:
    """Tell whether history was rewritten, and not merely longer than the fold goes back."""
    return head.commit is not None and not mirror.is_ancestor(head.commit, target)


def _fold(start: _Start, request: SyncRequest, shop: Workshop) -> Folded:
    """Fold the commits onto what is stored, or onto nothing.

    Files that were examined before need no second look, unless all shall be looked at again.
    """
    known = request.mode != "full" and start.head.basis == basis_of(shop.settings)
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


def _decide(
    sync: ClaimedSync, shop: Workshop, start: _Start, planned: Plan, timings: Timings
) -> SyncResult:
    """Refuse the plan, only tell it, or carry it out."""
    request = sync.request
    result = succeeded(start.route, planned, timings)
    try:
        if shop.settings.sync_policy == "strict":
            refuse_errors(planned, start.target)
        if not _removal_allowed(request, start.target):
            percent = shop.settings.max_removal_percent
            refuse_mass_removal(start.stored, planned, percent, start.target)
    except Rejected as refusal:
        rejection = refused(result, refusal)
        shop.store.finish(
            sync.id, rejection, problems=planned.problems, replace_problems=start.anew
        )
        return rejection
    except Blocked as refusal:
        return _finish(sync, shop, refused(result, refusal))
    if request.dry_run:
        told = replace(result, message="would be applied", changes=planned.changes)
        return _finish(sync, shop, told)
    return _apply(sync, shop, start, planned, timings)


def _removal_allowed(request: SyncRequest, target: str) -> bool:
    """Tell whether leave was given for this very commit, in full or by the first digits."""
    allowed = request.allow_mass_removal
    return allowed is not None and len(allowed) >= 7 and target.startswith(allowed)


def _apply(
    sync: ClaimedSync, shop: Workshop, start: _Start, planned: Plan, timings: Timings
) -> SyncResult:
    result = succeeded(start.route, planned, timings)
    failpoint("before_apply")
    generation = shop.store.apply(
        sync.id,
        planned,
        result,
        commit=start.target,
        basis=basis_of(shop.settings),
        pin=_pin(sync.request, start, shop),
        touch_checked=sync.request.commit is None,
    )
    failpoint("after_apply")
    _keep_commit(shop.mirror, start.target)
    shop.memory.keep(planned.after, replace(start.head, commit=start.target, generation=generation))
    return result


def _keep_commit(mirror: Mirror, commit: str) -> None:
    """Hold the applied commit in the mirror; the catalog stands without it: a failure is told."""
    try:
        mirror.keep(commit)
    except PaodError as error:
        log.warning("commit %s is not held in the mirror: %s", commit, error)


def _pin(request: SyncRequest, start: _Start, shop: Workshop) -> Pin | None:
    if request.pin is None:
        return start.head.pin
    if request.pin == "clear":
        return None
    return Pin(start.target, request.reason, stamp(shop.clock()))


def _finish(
    sync: ClaimedSync, shop: Workshop, result: SyncResult, *, verified: bool = False
) -> SyncResult:
    """Write an outcome that changes no catalog; ``verified``: the remote has nothing newer."""
    try:
        shop.store.finish(sync.id, result, touch_checked=verified)
    except StoreError as error:
        log.error("the outcome of sync %d cannot be written: %s", sync.id, error)
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
