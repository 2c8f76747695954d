"""What a checkout would change, without a database: the same fold, over the checkout's own history.

The catalog as the branch has it is folded anew; what is proposed to it is a commit, or the working
tree as it is now. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain

from paod.catalog.fold import fold
from paod.catalog.plan import plan
from paod.checking.files import examine_entry
from paod.config import Settings
from paod.errors import SettingsError
from paod.mirror import Checkout, Line
from paod.model import WORKING_TREE, Catalog, Commit, ExaminedFile, Step, Stored, SyncResult
from paod.sync.proposal import Proposal, overlaps, proposal, weigh
from paod.sync.settled import rules_of
from paod.sync.steps import Reader
from paod.sync.timing import Progress, Route
from paod.validate import is_document_path
from paod.worktree import LeftOut, blob_oid, files


def plan_checkout(
    checkout: Checkout,
    branch: str | None,
    commit: str | None,
    settings: Settings,
    on_phase: Callable[[str], None],
) -> SyncResult:
    """Return what merging a commit into a branch's commit would change; None: the working tree.

    ``branch`` None: there is none yet, in a repository without any commit.
    Raises ``SyncRefused`` where they have no history in common, or are over the limits,
    ``SettingsError`` where there is no document at all.
    """
    progress = Progress(on_phase)
    checkout.complete([tip for tip in (branch, commit or "HEAD") if tip], settings.history_depth)
    reader = Reader(checkout, rules_of(settings), {}, (), _note)
    line = checkout.line(branch, None, settings.history_depth) if branch else Line((), False)
    with progress.phase("fold"):
        steps = reader.steps(line.commits, None)
        folded = fold(Catalog(), steps, settings.version_policy)
        base = plan(Stored(), folded, anew=True).after
    with progress.phase("read"):
        known = replace(reader, known=base.catalog.files)
        if commit is None or branch is None:
            found = _working_tree(known, checkout, branch)
        else:
            found = proposal(known, commit, branch)
    if not base.catalog.files and not found.step.changes:
        raise SettingsError(
            f"there are no documents in {checkout.folder}, nor on the branch",
            f"they lie at {reader.rules.root}/<category>/<name>.yaml; --root names another folder",
        )
    progress.route = Route(branch, commit, cut=line.cut)
    return weigh(base, found, settings, progress)


def _working_tree(reader: Reader, checkout: Checkout, branch: str | None) -> Proposal:
    merge_base = checkout.merge_base(checkout.resolve("HEAD"), branch) if branch else None
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    commit = Commit(WORKING_TREE, "", now, "the working tree")
    step = Step(commit, tuple(sorted(_changes(reader, checkout, merge_base))))
    both = overlaps(checkout, merge_base, branch, step) if branch and merge_base else ()
    return Proposal(step, merge_base, both)


def _changes(
    reader: Reader, checkout: Checkout, merge_base: str | None
) -> Iterator[tuple[str, ExaminedFile | None]]:
    """Yield what differs in the working tree; what Git ignores and never had is no part of it."""
    before = checkout.changes(None, merge_base) if merge_base else ()
    gone = {change.path: change.oid for change in before}
    rules = reader.rules
    there = chain(
        files(checkout.folder, rules.root, rules.max_file_bytes),
        LeftOut(checkout.folder, rules.root, rules.max_file_bytes).files(),
    )
    for path, data, entry in there:
        former = gone.pop(path, None)
        if not is_document_path(path, rules, entry):
            continue
        if former is None and checkout.is_ignored(path):
            continue
        if data is None or former != blob_oid(data):
            yield path, examine_entry((path, data, entry), rules)
    for path in gone:
        yield path, None


def _note(_oid: str, _path: str) -> None:
    """Nobody needs to be told what is in hand: an author sees it when the command ends."""
