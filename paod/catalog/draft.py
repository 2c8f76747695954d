"""The catalog while a fold is at work on it: copied once, then changed file by file.

It keeps the indexes right and remembers what was touched; it decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from paod.model import Catalog, Commit, Entry, FileState, Folded, Key, Kind, Problem, Revision

KINDS: tuple[Kind, ...] = ("item", "bundle")

Member = TypeVar("Member", str, Key)


class Draft:
    """A working copy of a ``Catalog``, with the revisions made so far."""

    def __init__(self, before: Catalog) -> None:
        self.hash = before.commit
        self.commit: Commit | None = None
        self.files = dict(before.files)
        self.entries = dict(before.entries)
        self.aliases = dict(before.aliases)
        self.claimants = dict(before.claimants)
        self.referrers = dict(before.referrers)
        self.findings: dict[Key, tuple[Problem, ...]] = dict(before.findings)
        self.revisions: list[Revision] = []
        self.touched_paths: set[str] = set()
        self.touched_keys: set[Key] = set()

    def put_file(self, state: FileState) -> None:
        """Set a file's state, in place of the one it had."""
        self._unclaim(state.path)
        self.files[state.path] = state
        if state.file.document is not None:
            _add(self.claimants, state.file.document.name, state.path)
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
            for reference in entry.document.references:
                _add(self.referrers, reference.name, entry.key)
        self.touched_keys.add(entry.key)

    def drop_entry(self, key: Key) -> None:
        """Take an entry away, because it goes on under another name."""
        self._unrefer(key)
        del self.entries[key]
        self.touched_keys.add(key)

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
            referrers=self.referrers,
            findings=self.findings,
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
            _discard(self.claimants, old.file.document.name, path)

    def _unrefer(self, key: Key) -> None:
        old = self.entries.get(key)
        if old is not None and old.active:
            for reference in old.document.references:
                _discard(self.referrers, reference.name, key)


def names_of(states: Iterable[FileState | None]) -> set[str]:
    """Return every name that these files claim or hold."""
    names = set()
    for state in states:
        if state is not None and state.file.document is not None:
            names.add(state.file.document.name)
        if state is not None and state.serves is not None:
            names.add(state.serves[1])
    return names


def _add(index: dict[str, frozenset[Member]], name: str, member: Member) -> None:
    index[name] = index.get(name, frozenset()) | {member}


def _discard(index: dict[str, frozenset[Member]], name: str, member: Member) -> None:
    rest = index.get(name, frozenset()) - {member}
    if rest:
        index[name] = rest
    else:
        index.pop(name, None)
