"""A proposal: what a branch, a pull request or a working tree would change, were it merged now.

Merged, it is one commit on the branch's first-parent line, so here it is one step of the same fold:
all that differs from where it branched off, laid on the catalog as the branch has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from paod.catalog.fold import fold
from paod.catalog.plan import plan
from paod.config import Settings
from paod.errors import SyncRefused
from paod.mirror import Source
from paod.model import Step, Stored, SyncResult
from paod.preview import outlook
from paod.sync.policy import check_policies
from paod.sync.results import refused, succeeded, told
from paod.sync.steps import Reader
from paod.sync.timing import Progress

LEAVE_ONCE_MERGED = "merge it, then paod sync --commit MERGED --allow-mass-removal"
MEND_FIRST = "mend the files that have them first"


@dataclass(frozen=True, slots=True)
class Proposal:
    """The step that a merge would be. ``overlaps`` are paths that the branch has changed as well.

    ``merge_base`` is where it branched off, None: there is no branch yet.
    """

    step: Step
    merge_base: str | None
    overlaps: tuple[str, ...]


def proposal(reader: Reader, commit: str, branch: str) -> Proposal:
    """Return what merging a commit into a branch's commit would be.

    Raises ``Blocked`` where they have no history in common, or the step is over the limits.
    """
    merge_base = reader.mirror.merge_base(commit, branch)
    step = reader.step(reader.mirror.commit(commit), merge_base)
    return Proposal(step, merge_base, overlaps(reader.mirror, merge_base, branch, step))


def overlaps(source: Source, merge_base: str, branch: str, step: Step) -> tuple[str, ...]:
    """Return the paths of a step that the branch has changed since, to something else."""
    if merge_base == branch:
        return ()
    theirs = {change.path: change.oid for change in source.changes(merge_base, branch)}
    return tuple(path for path, oid in _oids(step).items() if theirs.get(path, oid) != oid)


def _oids(step: Step) -> Mapping[str, str | None]:
    return {path: None if file is None else file.oid for path, file in step.changes}


def weigh(base: Stored, found: Proposal, settings: Settings, progress: Progress) -> SyncResult:
    """Return how a sync to the merged proposal would end, starting from the branch's catalog."""
    with progress.phase("fold"):
        folded = fold(base.catalog, [found.step], settings.version_policy)
    with progress.phase("plan"):
        planned = plan(base, folded, anew=False)
        shown = outlook(base, planned, found.merge_base, found.overlaps)
    result = told(succeeded(planned, progress), planned, shown)
    commit = found.step.commit.hash
    try:
        check_policies(
            settings, base, planned, commit=commit, leave=LEAVE_ONCE_MERGED, mend=MEND_FIRST
        )
    except SyncRefused as refusal:
        return refused(result, refusal)
    return result
