"""What was ever published under each name, asked for only when a verdict needs it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from paod.model.words import Key

Pair = tuple[str, str]
"""A version, and the content hash that was published under it."""


@dataclass(frozen=True, slots=True)
class Published:
    """What the store is to keep for one row, by what it keeps already.

    ``kept`` are the keys of stored rows whose pairs all count, ``dropped`` pairs of those that do
    not, ``added`` pairs that come to them.
    """

    kept: tuple[Key, ...] = ()
    added: tuple[Pair, ...] = ()
    dropped: tuple[Pair, ...] = ()


class Publications:
    """What was published, by key. This one knows of nothing."""

    __slots__ = ()

    def hashes(self, _key: Key, _version: str) -> AbstractSet[str]:
        """Return the content hashes that were published under a version."""
        return frozenset()

    def everything(self, keys: Collection[Key]) -> Mapping[Key, AbstractSet[Pair]]:
        """Return all that was published under each of these keys."""
        return {key: frozenset() for key in keys}

    def change(self, key: Key) -> Published:
        """Return what the store is to keep under a key."""
        return Published((key,))


NOTHING = Publications()
