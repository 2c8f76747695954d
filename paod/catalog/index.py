"""The indexes of a ``Catalog``, made from what they index: none but this knows their shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Generic, TypeVar

from paod.model import Entry, FileState, Key

Member = TypeVar("Member", str, Key)


class Index(Generic[Member]):
    """An index while a fold changes it: a name's members are copied once, at their first change.

    So the thousandth claim of one name costs what the first one did.
    """

    __slots__ = ("_own", "members")

    def __init__(self, before: Mapping[str, AbstractSet[Member]]) -> None:
        """``before`` is not changed."""
        self.members: dict[str, AbstractSet[Member]] = dict(before)
        self._own: dict[str, set[Member]] = {}

    def add(self, name: str, member: Member) -> None:
        """Add a member to a name's."""
        self._changed(name).add(member)

    def discard(self, name: str, member: Member) -> None:
        """Take a member from a name's, if it is there; forget a name that has none left."""
        rest = self._changed(name)
        rest.discard(member)
        if not rest:
            del self._own[name]
            del self.members[name]

    def _changed(self, name: str) -> set[Member]:
        own = self._own.get(name)
        if own is None:
            own = self._own[name] = set(self.members.get(name, ()))
            self.members[name] = own
        return own


class Aliases:
    """The aliases while a fold changes them, with the way back: which of them lead to a key."""

    __slots__ = ("_leading", "names")

    def __init__(self, before: Mapping[Key, str]) -> None:
        """``before`` is not changed."""
        self.names = dict(before)
        self._leading: dict[Key, set[Key]] | None = None

    def follow(self, moves: Mapping[Key, Key]) -> set[Key]:
        """Let each old key, and each alias that led to it, lead to its new one, all at once.

        Return the aliases that changed.
        """
        leading = self._back()
        groups = {old: leading.pop(old, set()) | {old} for old in moves}
        for old, group in groups.items():
            self.drop(old)
            self.names |= dict.fromkeys(group, moves[old][1])
        for old, group in groups.items():
            leading.setdefault(moves[old], set()).update(group)
        return set().union(*groups.values())

    def drop(self, alias: Key) -> None:
        """Forget where a name leads, if it leads anywhere: it is taken again."""
        goal = self.names.pop(alias, None)
        if goal is not None and self._leading is not None:
            self._leading.get((alias[0], goal), set()).discard(alias)

    def _back(self) -> dict[Key, set[Key]]:
        if self._leading is None:
            self._leading = leading_to(self.names)
        return self._leading


def leading_to(aliases: Mapping[Key, str]) -> dict[Key, set[Key]]:
    """Map each key that aliases lead to to those aliases."""
    found: dict[Key, set[Key]] = {}
    for alias, name in aliases.items():
        found.setdefault((alias[0], name), set()).add(alias)
    return found


def claimants_of(files: Iterable[FileState]) -> Mapping[str, frozenset[str]]:
    """Map each name to the paths of the files whose own document claims it, or had it before."""
    found: dict[str, set[str]] = {}
    for state in files:
        if state.file.document is not None:
            for name in state.file.document.claims:
                found.setdefault(name, set()).add(state.path)
    return {name: frozenset(paths) for name, paths in found.items()}


def referrers_of(entries: Iterable[Entry]) -> Mapping[str, frozenset[Key]]:
    """Map each name to the keys of the active entries whose documents mention it."""
    found: dict[str, set[Key]] = {}
    for entry in entries:
        if entry.active:
            for name in entry.document.mentions:
                found.setdefault(name, set()).add(entry.key)
    return {name: frozenset(keys) for name, keys in found.items()}
