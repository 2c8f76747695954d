"""The way of a sync: to which commit, from which one, and the fold over all in between."""

from __future__ import annotations

from collections.abc import Mapping

from paod.basis import basis_of, verdict_basis
from paod.catalog.fold import fold
from paod.errors import BranchNotFound, CommitNotFound, PaodError
from paod.mirror import Mirror
from paod.model import FileState, Folded, Head, Stored
from paod.ref import is_commit
from paod.sync.job import Job, Start, Target
from paod.sync.settled import rules_of
from paod.sync.steps import Reader
from paod.sync.timing import Route

CRASHES_TO_SET_ASIDE = 2


def find_target(job: Job) -> Target | None:
    """Find the commit to go to, None where the repository has none.

    A named one is looked for here first, as the remote may be down. A dry run also takes a ref of
    the remote, or a commit that one shows: as a proposal to the branch.
    """
    mirror, request = job.shop.mirror, job.request
    if request.commit is None:
        tip = _fetch(job)
        return None if tip is None else _beside(mirror, tip, request.ref)
    try:
        return Target(mirror.resolve(request.commit))
    except PaodError:
        tip = _fetch(job)
    try:
        return Target(mirror.resolve(request.commit))
    except CommitNotFound as unknown:
        if tip is None or not request.dry_run or not is_commit(request.commit):
            raise
        try:
            return _beside(mirror, tip, request.commit)
        except BranchNotFound:
            raise unknown from None


def _fetch(job: Job) -> str | None:
    with job.shop.fetching():
        return job.shop.mirror.fetch()


def _beside(mirror: Mirror, tip: str, wanted: str | None) -> Target:
    if wanted is None or wanted == mirror.remote.ref:
        return Target(tip)
    return Target(tip, mirror.fetch_beside(wanted))


def find_way(job: Job, head: Head, stored: Stored, target: str) -> Start:
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
        cut=line.cut,
    )
    return Start(head, stored, target, line.commits, anew=not line.continues)


def _left_history(job: Job, head: Head, target: str) -> bool:
    """Tell whether the branch was rewritten, and is not merely longer than the fold goes back."""
    if head.commit is None or job.request.commit is not None:
        return False
    return not job.shop.mirror.is_ancestor(head.commit, target)


def walk(job: Job, start: Start) -> Folded:
    """Fold the commits onto what is stored, or onto nothing.

    Files that were examined before need no second look, unless all shall be looked at again.
    """
    settings = job.shop.settings
    known = job.request.mode != "full" and start.head.basis == basis_of(settings)
    reader = reader_of(job, start.stored.catalog.files if known else {})
    before = Stored().catalog if start.anew else start.stored.catalog
    steps = reader.steps(start.commits, None if start.anew else start.head.commit)
    return fold(before, steps, settings.version_policy)


def reader_of(job: Job, known: Mapping[str, FileState]) -> Reader:
    """Return what reads files for a sync; those that are known need no second look."""
    shop = job.shop
    crashes = shop.store.crashes()
    shop.verdicts.begin(verdict_basis(shop.settings))
    return Reader(
        mirror=shop.mirror,
        rules=rules_of(shop.settings),
        known=known,
        crashing={oid for oid, count in crashes.items() if count >= CRASHES_TO_SET_ASIDE},
        note=shop.note,
        verdicts=shop.verdicts,
    )
