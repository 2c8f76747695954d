"""The catalog while a fold is at work on it: copied once, then changed file by file.

It keeps the indexes right and remembers what was touched; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

from paod.catalog.index import Aliases, Index
from paod.catalog.ledger import Ledger
from paod.model import Catalog, Commit, Entry, FileState, Folded, Key, Kind, Problem, Revision

KINDS: tuple[Kind, ...] = ("item", "bundle")


class Draft:
    """A working copy of a ``Catalog``, with the revisions made so far."""

    def __init__(self, before: Catalog) -> None:
        self.hash = before.commit
        self.commit: Commit | None = None
        self.files = dict(before.files)
        self.entries = dict(before.entries)
        self.published = Ledger(before)
        self._aliases = Aliases(before.aliases)
        self._claimants = Index[str](before.claimants)
        self._referrers = Index[Key](before.referrers)
        self.aliases: Mapping[Key, str] = self._aliases.names
        self.claimants: Mapping[str, AbstractSet[str]] = self._claimants.members
        self.findings: dict[Key, tuple[Problem, ...]] = dict(before.findings)
        self.revisions: list[Revision] = []
        self.touched_paths: set[str] = set()
        self.touched_keys: set[Key] = set()

    def put_file(self, state: FileState) -> None:
        """Set a file's state, in place of the one it had."""
        self._unclaim(state.path)
        self.files[state.path] = state
        if state.file.document is not None:
            for name in state.file.document.claims:
                self._claimants.add(name, state.path)
        self.touched_paths.add(state.path)

    def drop_file(self, path: str) -> None:
        """Forget a file that is gone."""
        self._unclaim(path)
        del self.files[path]
        self.touched_paths.add(path)

    def put_entry(self, entry: Entry) -> None:
        """Set an entry under its key, in place of the one that stood there."""
        self._unrefer(entry.key)
        self.entries[entry.key] = entry
        if entry.active:
            for name in entry.document.mentions:
                self._referrers.add(name, entry.key)
        self.touched_keys.add(entry.key)

    def drop_entry(self, key: Key) -> None:
        """Take an entry away, because it goes on under another name."""
        self._unrefer(key)
        del self.entries[key]
        self.touched_keys.add(key)

    def follow(self, moves: Mapping[Key, Key]) -> None:
        """Let keys that were given up, and all that led there, lead to those that follow them."""
        self.touched_keys |= self._aliases.follow(moves)

    def drop_alias(self, alias: Key) -> None:
        """Forget where a name leads, if it leads anywhere: it is taken again."""
        if alias in self.aliases:
            self._aliases.drop(alias)
            self.touched_keys.add(alias)

    def led_to(self, kind: Kind, name: str) -> Key:
        """Return the key that a name of a kind stands for: its follower's where it was given up."""
        return kind, self.aliases.get((kind, name), name)

    def active(self, key: Key) -> bool:
        """Return whether an entry of this key is in the catalog now."""
        entry = self.entries.get(key)
        return entry is not None and entry.active

    def mentioning(self, name: str) -> AbstractSet[Key]:
        """Return the keys of the active entries that mention a name."""
        return self._referrers.members.get(name, frozenset())

    def active_key(self, name: str) -> Key | None:
        """Return the key under which a name is active, if it is."""
        for kind in KINDS:
            entry = self.entries.get((kind, name))
            if entry is not None and entry.active:
                return entry.key
        return None

    def catalog(self) -> Catalog:
        """Freeze the draft."""
        return Catalog(
            commit=self.hash,
            files=self.files,
            entries=self.entries,
            aliases=self.aliases,
            claimants=self.claimants,
            referrers=self._referrers.members,
            findings=self.findings,
            published=self.published,
        )

    def folded(self) -> Folded:
        """Return the outcome; the draft must not be changed afterwards."""
        return Folded(
            catalog=self.catalog(),
            commit=self.commit,
            revisions=tuple(self.revisions),
            touched_paths=frozenset(self.touched_paths),
            touched_keys=frozenset(self.touched_keys),
        )

    def _unclaim(self, path: str) -> None:
        old = self.files.get(path)
        if old is not None and old.file.document is not None:
            for name in old.file.document.claims:
                self._claimants.discard(name, path)

    def _unrefer(self, key: Key) -> None:
        old = self.entries.get(key)
        if old is not None and old.active:
            for name in old.document.mentions:
                self._referrers.discard(name, key)


def names_of(states: Iterable[FileState | None]) -> set[str]:
    """Return every name that these files claim or hold."""
    names: set[str] = set()
    for state in states:
        if state is not None and state.file.document is not None:
            names.update(state.file.document.claims)
        if state is not None and state.serves is not None:
            names.add(state.serves[1])
    return names
