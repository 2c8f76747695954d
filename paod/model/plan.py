"""What a sync starts from, and everything that it will write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from paod.model.catalog import Catalog, Entry, FileState, Revision
from paod.model.document import Problem
from paod.model.published import Published
from paod.model.words import Key, Kind


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
    ``served`` is what readers were told of entries beyond their documents, where that is anything:
    it is compared with what they are told next, whatever the catalog says of it by now.
    """

    catalog: Catalog = field(default_factory=Catalog)
    identities: Mapping[Key, Identity] = field(default_factory=dict)
    served: Mapping[Key, Served] = field(default_factory=dict)
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
    false when no reader can tell the difference (a comment moved);
    ``parts_only``: all that differs is what a bundle's parts resolve to.
    """

    entry: Entry
    served: Served
    row: Key | None
    revision: int
    visible: bool = True
    parts_only: bool = False
    published: Published = field(default_factory=Published)


@dataclass(frozen=True, slots=True)
class CatalogChange:
    """One line of the changes feed: the net difference that a sync, or a pin, made to one entry.

    ``renamed_from`` is the name under which readers knew it until now, where that is another one,
    whatever became of it.
    """

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
        "pinned",
        "released",
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
    aliases: Mapping[Key, str | None] = field(default_factory=dict)
    """The aliases that differ from before, with the name that each leads to now, None: nowhere."""
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
        return bool(self.aliases) or any(entry.visible for entry in self.entries)
