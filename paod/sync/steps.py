"""From commits to the fold's steps: what each changed, read within bounds and examined."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from paod.errors import Blocked
from paod.mirror import Source
from paod.model import Commit, ExaminedFile, FileState, Step, TreeChange
from paod.model.limits import COMMIT_BYTES, COMMIT_WORK
from paod.sync.verdicts import Verdicts
from paod.validate import Rules, examine, is_document_path, refuse

LARGEST_STEP = COMMIT_BYTES
"""Bytes that one commit's changed documents may have together, whoever has seen them before."""
MOST_WORK = COMMIT_WORK
"""Units of work that the verdicts on them may take together."""

Note = Callable[[str, str], None]
"""Told the blob and the path before a file is examined, and "" twice when it is done.

It may raise ``SyncOverdue`` then.
"""


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads and examines the files that commits changed.

    ``known`` are files that were examined before by the same rules: the same bytes at the same
    path are not examined again, nor are those of ``verdicts``, found by attempts before.
    ``crashing`` are blobs that killed the parser; they are not read.
    """

    mirror: Source
    rules: Rules
    known: Mapping[str, FileState]
    crashing: Collection[str]
    note: Note
    verdicts: Verdicts = field(default_factory=Verdicts)

    def steps(self, commits: Sequence[Commit], before: str | None) -> Iterator[Step]:
        """Yield each commit's step; ``before`` is what the first one is compared with.

        A commit over the limits is passed over when another follows, so that a commit which mends
        it can land: what it changed and the next one did not undo is part of the next step.
        """
        for commit in commits:
            self.note("", "")
            try:
                step = self.step(commit, before)
            except Blocked:
                if commit is commits[-1]:
                    raise
                continue
            yield step
            before = commit.hash

    def step(self, commit: Commit, before: str | None) -> Step:
        """Return what one commit changed since another; raise ``Blocked`` where it is too large."""
        return Step(commit, tuple(self._changes(before, commit.hash)))

    def _changes(self, before: str | None, after: str) -> Iterator[tuple[str, ExaminedFile | None]]:
        budget, work = LARGEST_STEP, MOST_WORK
        for change in self.mirror.changes(before, after):
            if change.oid is None or not is_document_path(change.path, self.rules, change.type):
                yield change.path, None  # whatever stood there before: a document, a link, nothing
                continue
            budget -= self.mirror.size(change.oid) if change.type == "file" else 0
            if budget < 0:
                raise _too_large(after)
            file = self._examine(change, change.oid)
            work -= file.units
            if work < 0:
                raise _too_costly(after)
            yield change.path, file

    def _examine(self, change: TreeChange, oid: str) -> ExaminedFile:
        if change.type != "file":
            return refuse(change.path, oid, change.type, self.rules)
        if oid in self.crashing:
            return refuse(change.path, oid, "crashes-parser", self.rules)
        known = self.known.get(change.path)
        if known is not None and known.file.oid == oid and known.file.document is not None:
            return known.file
        kept = self.verdicts.get(change.path, oid)
        if kept is not None:
            return kept
        data = self.mirror.read(oid, self.rules.max_file_bytes)
        if isinstance(data, int):
            return refuse(change.path, oid, "too-large", self.rules)
        self.note(oid, change.path)
        file = examine(change.path, data, oid, self.rules)
        self.verdicts.put(change.path, file)
        self.note("", "")
        return file


def _too_large(commit: str) -> Blocked:
    return Blocked(
        f"the documents that commit {commit[:12]} changed are larger than "
        f"{LARGEST_STEP // 1024 // 1024} MiB together",
        "take what is no catalog data out of the catalog's folder",
        reason="TooLarge",
    )


def _too_costly(commit: str) -> Blocked:
    return Blocked(
        f"the documents that commit {commit[:12]} changed take more work to check than one commit "
        f"may ({MOST_WORK // 1_000_000} million units)",
        "push another commit without those that cost most: long regular expressions, deep "
        "templates, thousands of problems",
        reason="TooCostly",
    )
