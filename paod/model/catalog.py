"""What the fold carries: commits as steps, files and entries, and the revisions they give."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field

from paod.model.document import Document, ExaminedFile, Problem
from paod.model.published import NOTHING, Publications
from paod.model.words import ChangeKind, Key

WORKING_TREE = "0" * 40
"""Stands for the hash of the commit that a working tree is not yet, as in ``git blame``."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as history shows it. ``time`` is the committer's, UTC, ISO 8601 with ``Z``."""

    hash: str
    author: str
    time: str
    subject: str


@dataclass(frozen=True, slots=True)
class Step:
    """One commit's difference to its first parent, each changed file examined; None: deleted."""

    commit: Commit
    changes: tuple[tuple[str, ExaminedFile | None], ...]


@dataclass(frozen=True, slots=True)
class FileState:
    """One file under the root, as the fold sees it.

    ``commit`` brought its present content. ``serves`` is what it holds in the catalog: its own
    document, or its last good one while ``stale_since`` names the commit that broke it. ``refusal``
    is why a well-formed document is not served (``duplicate-name``, version rules), or None.
    """

    path: str
    file: ExaminedFile
    commit: str
    serves: Key | None = None
    stale_since: str | None = None
    refusal: Problem | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One item or bundle of the catalog, active or removed.

    ``commit`` made its present state (its last revision's). ``warning`` is what the version rules
    said of the present content. ``former_names`` are names of others whose history or place this
    one took by ``renamed_from``.
    """

    document: Document
    path: str
    commit: Commit
    active: bool
    warning: Problem | None = None
    former_names: frozenset[str] = frozenset()

    @property
    def key(self) -> Key:
        return self.document.key


@dataclass(frozen=True, slots=True)
class Catalog:
    """The catalog at a commit: what the fold carries from step to step.

    ``aliases`` leads from a name that was given up by ``renamed_from`` to the name that follows it,
    which is of the same kind.
    ``claimants`` and ``referrers`` are indexes over the other two: which files' documents claim a
    name (or its history), and which active entries mention one.
    """

    commit: str | None = None
    files: Mapping[str, FileState] = field(default_factory=dict)
    entries: Mapping[Key, Entry] = field(default_factory=dict)
    aliases: Mapping[Key, str] = field(default_factory=dict)
    claimants: Mapping[str, AbstractSet[str]] = field(default_factory=dict)
    referrers: Mapping[str, AbstractSet[Key]] = field(default_factory=dict)
    findings: Mapping[Key, tuple[Problem, ...]] = field(default_factory=dict)
    """What entries say of each other (``unresolved-item``, dependencies), made from the rest."""
    published: Publications = field(default=NOTHING, compare=False, repr=False)
    """The versions of every revision on this line of history: asked for, as they are many."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One entry of an item's history: a step that changed it.

    ``renamed_from`` is its name before (``renamed``), or the name whose place it took.
    """

    change: ChangeKind
    document: Document
    path: str
    commit: Commit
    renamed_from: str | None = None

    @property
    def key(self) -> Key:
        return self.document.key


@dataclass(frozen=True, slots=True)
class Folded:
    """A fold's outcome: the catalog, each step's revisions in order, what may differ now.

    ``commit`` is that of the last step, None where there was none.
    """

    catalog: Catalog
    commit: Commit | None
    revisions: tuple[Revision, ...]
    touched_paths: frozenset[str]
    touched_keys: frozenset[Key]
