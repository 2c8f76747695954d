"""What was published, while a fold goes on: what was stored before is asked for, never copied."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Set as AbstractSet

from paod.model import Catalog, Key
from paod.model.published import Pair, Publications, Published


class Ledger(Publications):
    """The publications of a catalog, and what a fold adds to them.

    A key stands for what is stored under it and under those whose history or place it took, and
    for what was added since. A version costs the same after one revision as after ten thousand.
    """

    __slots__ = ("_added", "_base", "_keys", "_own", "_sources")

    def __init__(self, before: Catalog) -> None:
        """``before`` is not changed."""
        self._base: Publications = before.published
        self._keys: Collection[Key] = before.entries
        self._own: set[Key] = set()
        self._added: dict[Key, dict[str, set[str]]] = {}
        self._sources: dict[Key, tuple[Key, ...]] = {}
        if isinstance(before.published, Ledger):
            former = before.published
            self._base, self._keys = former._base, former._keys
            self._added, self._sources = dict(former._added), dict(former._sources)

    def hashes(self, key: Key, version: str) -> AbstractSet[str]:
        """Return the content hashes that were published under a version."""
        found = set(self._added.get(key, {}).get(version, ()))
        for source in self._from(key):
            found |= self._base.hashes(source, version)
        return found

    def everything(self, keys: Collection[Key]) -> Mapping[Key, AbstractSet[Pair]]:
        """Return all that was published under each of these keys."""
        stored = self._base.everything({source for key in keys for source in self._from(key)})
        return {
            key: frozenset(self._pairs(key)).union(*(stored[one] for one in self._from(key)))
            for key in keys
        }

    def change(self, key: Key) -> Published:
        """Return what the store is to keep under a key."""
        return Published(self._from(key), tuple(sorted(self._pairs(key))))

    def add(self, key: Key, version: str, content_hash: str) -> None:
        """Let a content be published under a version."""
        if content_hash not in self.hashes(key, version):
            self._changed(key).setdefault(version, set()).add(content_hash)

    def rename(self, moves: Mapping[Key, Key]) -> None:
        """Let what was published under old keys go on under their new ones, all at once."""
        moving = [(new, self._from(old), self._taken(old)) for old, new in moves.items()]
        for old in moves:
            self._sources[old] = ()
        for new, sources, added in moving:
            self._sources[new], self._added[new] = sources, added
        self._own |= {new for new, _, _ in moving}

    def take(self, key: Key, former: Key) -> None:
        """Let what was published under another key count under this one, too."""
        self._sources[key] = tuple(sorted({*self._from(key), *self._from(former)}))
        for version, content_hash in self._pairs(former):
            self.add(key, version, content_hash)

    def forget(self, key: Key) -> None:
        """Let nothing have been published under a key."""
        self._sources[key] = ()
        self._added.pop(key, None)

    def _from(self, key: Key) -> tuple[Key, ...]:
        default = (key,) if key in self._keys else ()
        return self._sources.get(key, default)

    def _pairs(self, key: Key) -> list[Pair]:
        added = self._added.get(key, {})
        return [(version, one) for version, hashes in added.items() for one in hashes]

    def _taken(self, key: Key) -> dict[str, set[str]]:
        added = self._changed(key)
        self._own.discard(key)
        del self._added[key]
        return added

    def _changed(self, key: Key) -> dict[str, set[str]]:
        """Return what was added to a key, copied once if it is of the fold before."""
        if key not in self._own:
            added = self._added.get(key, {})
            self._added[key] = {version: set(hashes) for version, hashes in added.items()}
            self._own.add(key)
        return self._added[key]
