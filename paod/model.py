"""The values that flow through paod, all frozen: made once, read by everyone, changed by no one.

They flow in this order: a ``Commit`` with its ``TreeChange``s is read from the mirror; each changed
file is examined into an ``ExaminedFile``; both make a ``Step``; folding steps gives a ``Catalog``
and its ``Revision``s; comparing that with what is stored gives a ``Plan``; applying it ends a sync.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["item", "bundle"]
Key = tuple[Kind, str]
"""Names one thing in the catalog. A name is held by one file, but an item and a bundle that had the
same name one after the other have a history each."""

Severity = Literal["error", "warning"]
VersionPolicy = Literal["warn", "enforce"]
Trigger = Literal["startup", "schedule", "webhook", "manual", "rollback", "watch"]
ChangeKind = Literal["added", "changed", "moved", "renamed", "removed", "restored"]
NetChange = Literal[ChangeKind, "stale", "fresh", "resolution"]
"""What a whole sync did to an entry, as readers see it: its history, its file, its parts."""
EntryType = Literal["file", "symlink", "submodule"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in a file: line and column, 1-based, in characters."""

    line: int = 1
    column: int = 1


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a document. ``pointer`` is a JSON Pointer (RFC 6901), "" the whole."""

    code: str
    severity: Severity
    message: str
    path: str = ""
    line: int = 1
    column: int = 1
    pointer: str = ""
    hint: str = ""
    document: str | None = None
    commit: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the problem in the shape every reader sees: API, database, commands and logs."""
        return {
            "code": self.code,
            "severity": self.severity,
            "path": self.path,
            "line": self.line,
            "column": self.column,
            "pointer": self.pointer,
            "message": self.message,
            "hint": self.hint,
            "document": self.document,
            "commit": self.commit,
        }


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit as history shows it. ``time`` is the committer's, UTC, ISO 8601 with ``Z``."""

    hash: str
    author: str
    time: str
    subject: str


def path_text(raw: bytes) -> str:
    """Return a path's bytes as text: UTF-8, and ``%XX`` for each byte that is not part of it."""
    return "".join(
        f"%{ord(character) - 0xDC00:02X}" if "\udc80" <= character <= "\udcff" else character
        for character in raw.decode("utf-8", "surrogateescape")
    )


@dataclass(frozen=True, slots=True)
class TreeChange:
    """One path that differs between two trees. ``oid`` is the blob now there, None: it is gone.

    ``path`` is from the repository's root, ``/``-separated; bytes that are not UTF-8 stand in it as
    ``%XX``.
    """

    path: str
    oid: str | None
    type: EntryType = "file"


@dataclass(frozen=True, slots=True)
class Reference:
    """One document's mention of an item: a bundle's part, or an entry of ``dependencies``.

    ``range`` is a version range as written (``>=1.2.0, <2.0.0``), "" any version. ``pointer`` and
    ``place`` are those of the name.
    """

    type: Literal["required_item", "optional_item", "dependency"]
    name: str
    range: str
    pointer: str
    place: Place


@dataclass(frozen=True, slots=True)
class Document:
    """What one file says, found well-formed.

    ``content`` is canonical JSON: the whole document, keys sorted, no white space, UTF-8 text.
    ``content_hash`` is its SHA-256 in hex; ``source_hash`` is ``sha256:<hex>`` of the file's bytes.
    ``name_place`` and ``version_place`` are where the values stand.
    """

    kind: Kind
    name: str
    version: str
    content: str
    content_hash: str
    source_hash: str
    name_place: Place = Place()
    version_place: Place = Place()
    renamed_from: str | None = None
    renamed_place: Place = Place()
    references: tuple[Reference, ...] = ()

    @property
    def key(self) -> Key:
        return (self.kind, self.name)


@dataclass(frozen=True, slots=True)
class ExaminedFile:
    """A file and what validation found in it. ``document`` is None when a problem is an error.

    ``name`` is the name that could be read from it, good or bad, to say whose problem it is.
    """

    oid: str
    document: Document | None
    problems: tuple[Problem, ...] = ()
    name: str | None = None


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

    ``commit`` made its present state (its last revision's). ``published`` holds
    ``(version, content_hash)`` of every revision on this line of history. ``warning`` is what the
    version rules said of the present content.
    """

    document: Document
    path: str
    commit: Commit
    active: bool
    published: frozenset[tuple[str, str]]
    warning: Problem | None = None

    @property
    def key(self) -> Key:
        return self.document.key


@dataclass(frozen=True, slots=True)
class Catalog:
    """The catalog at a commit: what the fold carries from step to step.

    ``aliases`` leads from a name that was given up by ``renamed_from`` to the name that follows it.
    ``claimants`` and ``referrers`` are indexes over the other two: which files' documents claim a
    name, and which active entries mention one.
    """

    commit: str | None = None
    files: Mapping[str, FileState] = field(default_factory=dict)
    entries: Mapping[Key, Entry] = field(default_factory=dict)
    aliases: Mapping[str, str] = field(default_factory=dict)
    claimants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    referrers: Mapping[str, frozenset[Key]] = field(default_factory=dict)
    findings: Mapping[Key, tuple[Problem, ...]] = field(default_factory=dict)
    """What entries say of each other (``unresolved-item``, dependencies), made from the rest."""


@dataclass(frozen=True, slots=True)
class Revision:
    """One entry of an item's history: a step that changed it. ``renamed_from``: its name before."""

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


@dataclass(frozen=True, slots=True)
class Identity:
    """A row of the store, found by its key: its last revision's number, whether it is active."""

    revision: int
    active: bool


@dataclass(frozen=True, slots=True)
class Resolved:
    """What one part of a bundle resolves to: a version, or None and the ``reason``, a sentence."""

    name: str
    range: str
    version: str | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Served:
    """What readers see of one entry beyond its document.

    ``stale`` is ``(since_commit, number of errors)`` where the file is bad and its last good
    document is served. ``parts`` has one ``Resolved`` for each item of a bundle, None for an item.
    """

    stale: tuple[str, int] | None = None
    parts: tuple[Resolved, ...] | None = None

    @property
    def resolved(self) -> bool | None:
        """Whether every part of a bundle has its version; None for an item."""
        return None if self.parts is None else all(part.version is not None for part in self.parts)


@dataclass(frozen=True, slots=True)
class Stored:
    """All that a sync starts from: the catalog, every row by its key, the open problems' number.

    ``identities`` also holds rows that are not on this line of history, whose history is kept.
    """

    catalog: Catalog = Catalog()
    identities: Mapping[Key, Identity] = field(default_factory=dict)
    errors: int = 0
    warnings: int = 0


@dataclass(frozen=True, slots=True)
class PlannedRevision:
    """A revision with the row it belongs to, named by the ``PlannedEntry`` that writes that row.

    ``entry`` is that planned entry's key (a revision may be older than the row's present name).
    ``number`` is the revision's number in the row's history.
    """

    revision: Revision
    entry: Key
    number: int


@dataclass(frozen=True, slots=True)
class PlannedEntry:
    """One row as it shall be: its entry, what readers see of it, and its last revision's number.

    ``row`` is the key under which the store knows it now, None: a new row. ``visible`` is
    false when no reader can tell the difference (a comment moved, ``published`` grew).
    """

    entry: Entry
    served: Served
    row: Key | None
    revision: int
    visible: bool = True


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """One line of the changes feed: the net difference that a sync made to one entry."""

    kind: Kind
    name: str
    change: Literal[
        "added",
        "changed",
        "moved",
        "renamed",
        "removed",
        "restored",
        "stale",
        "fresh",
        "resolution",
    ]
    version: str
    revision: int
    renamed_from: str | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """How many documents of one kind a sync added (or restored), updated and removed."""

    added: int = 0
    updated: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a sync will write, decided before anything is written.

    ``after`` is what the next sync starts from, once this plan is applied.
    """

    after: Stored
    revisions: tuple[PlannedRevision, ...] = ()
    entries: tuple[PlannedEntry, ...] = ()
    files: Mapping[str, FileState | None] = field(default_factory=dict)
    problems: Mapping[str, tuple[Problem, ...]] = field(default_factory=dict)
    """Every open problem of each path that may differ from before."""
    replace_problems: bool = False
    """True: paths not named in ``problems`` or ``files`` have none (the fold started anew)."""
    aliases: Mapping[str, str] = field(default_factory=dict)
    changes: tuple[CatalogChange, ...] = ()
    items: Counts = Counts()
    bundles: Counts = Counts()

    @property
    def catalog(self) -> Catalog:
        """The catalog that the plan leads to."""
        return self.after.catalog

    @property
    def visible(self) -> bool:
        """Whether readers see a difference: the generation grows."""
        return any(entry.visible for entry in self.entries)


@dataclass(frozen=True, slots=True)
class Pin:
    """The commit at which the catalog is held, and why. ``since``: UTC, ISO 8601."""

    commit: str
    reason: str
    since: str


@dataclass(frozen=True, slots=True)
class Head:
    """The one row of head state.

    ``commit`` is the applied one, None before the first sync. ``basis`` is a hash of all settings
    that the fold depends on: when it differs, the fold starts anew. ``epoch`` is random, made with
    the database. Times: UTC, ISO 8601. ``synced_at`` is when the commit was applied, ``checked_at``
    when the remote was last seen to have nothing newer.
    """

    epoch: str
    commit: str | None = None
    generation: int = 0
    basis: str = ""
    synced_at: str | None = None
    checked_at: str | None = None
    pin: Pin | None = None


SyncStatus = Literal[
    "queued", "running", "completed", "failed", "rejected", "blocked", "superseded"
]


@dataclass(frozen=True, slots=True)
class SyncRequest:
    """What somebody asked for. The follow-the-branch ones merge; the others run alone, in order.

    ``pin``: None leaves the pin alone, ``"set"`` holds the catalog at ``commit`` with ``reason``,
    ``"clear"`` lets it follow the branch again. ``allow_mass_removal`` is the commit for which a
    mass removal is allowed, or None. ``webhook`` explains the trigger: ref, before, after,
    head commit, pusher, delivery.
    """

    trigger: Trigger
    mode: Literal["incremental", "full"] = "incremental"
    commit: str | None = None
    dry_run: bool = False
    allow_mass_removal: str | None = None
    pin: Literal["set", "clear"] | None = None
    reason: str = ""
    webhook: Mapping[str, Any] | None = None

    @property
    def follows_branch(self) -> bool:
        """Whether it only asks to catch up, so that a newer one can stand for it."""
        return self.commit is None and self.pin is None and not self.dry_run


@dataclass(frozen=True, slots=True)
class ClaimedSync:
    """The request that runs now, with what it merged: ``triggers`` of all, oldest first."""

    id: int
    request: SyncRequest
    triggers: tuple[Trigger, ...]


@dataclass(frozen=True, slots=True)
class SyncResult:
    """How a sync ended. ``timings``: seconds by phase (fetch, walk, fold, plan, apply)."""

    status: SyncStatus
    reason: str
    message: str
    mode: Literal["incremental", "full"] = "incremental"
    from_commit: str | None = None
    to_commit: str | None = None
    history_rewritten: bool = False
    items: Counts = Counts()
    bundles: Counts = Counts()
    errors: int = 0
    warnings: int = 0
    timings: Mapping[str, float] = field(default_factory=dict)
    changes: tuple[CatalogChange, ...] = ()
    """Filled for a dry run: what would have changed."""
