"""What was ever published, row by row: read when a verdict asks, written by the difference."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from paod.database import Database
from paod.model import Key, Plan, PlannedEntry
from paod.model.published import Pair, Publications
from paod.store.tables import KINDS, of_kind

_MANY: Final = 200
"""Questions after which the rest of a kind is read at once."""

_OF_VERSION: Final = """
SELECT {published}.content_hash FROM {published} JOIN {entries} ON id = {entry_id}
WHERE name = :name AND {published}.version = :version
"""
_OF_ONE: Final = """
SELECT {published}.version, {published}.content_hash
FROM {published} JOIN {entries} ON id = {entry_id} WHERE name = :name
"""
_OF_ALL: Final = """
SELECT name, {published}.version, {published}.content_hash
FROM {published} JOIN {entries} ON id = {entry_id}
"""
_ID: Final = "(SELECT id FROM {entries} WHERE name = :name)"
_ADD: Final = f"""
INSERT INTO {{published}} ({{entry_id}}, version, content_hash)
VALUES ({_ID}, :version, :content_hash) ON CONFLICT DO NOTHING
"""  # noqa: S608 built from constants
_DROP: Final = f"""
DELETE FROM {{published}}
WHERE {{entry_id}} = {_ID} AND version = :version AND content_hash = :content_hash
"""  # noqa: S608 as above
_CLEAR: Final = f"DELETE FROM {{published}} WHERE {{entry_id}} = {_ID}"  # noqa: S608 as above


class StoredPublications(Publications):
    """What the tables keep, for one sync: what was read once is not read again."""

    __slots__ = ("_all", "_asked", "_database")

    def __init__(self, database: Database) -> None:
        self._database = database
        self._asked: dict[tuple[Key, str], frozenset[str]] = {}
        self._all: Mapping[Key, AbstractSet[Pair]] | None = None

    def hashes(self, key: Key, version: str) -> AbstractSet[str]:
        """Return the content hashes that were published under a version."""
        if (key, version) not in self._asked:
            self._asked[key, version] = frozenset(self._hashes(key, version))
        return self._asked[key, version]

    def everything(self, keys: Collection[Key]) -> Mapping[Key, AbstractSet[Pair]]:
        """Return all that was published under each of these keys."""
        if len(keys) > _MANY:
            found = self._read_all()
            return {key: found.get(key, frozenset()) for key in keys}
        return _of_each(self._database, list(keys))

    def _hashes(self, key: Key, version: str) -> Collection[str]:
        if len(self._asked) >= _MANY:
            pairs = self._read_all().get(key, frozenset())
            return [content_hash for one, content_hash in pairs if one == version]
        values = {"name": key[1], "version": version}
        rows = self._database.query(of_kind(key[0], _OF_VERSION), values)
        return [row["content_hash"] for row in rows]

    def _read_all(self) -> Mapping[Key, AbstractSet[Pair]]:
        if self._all is None:
            found: dict[Key, set[Pair]] = {}
            for kind in KINDS:
                for row in self._database.query(of_kind(kind, _OF_ALL)):
                    pair = row["version"], row["content_hash"]
                    found.setdefault((kind, row["name"]), set()).add(pair)
            self._all = found
        return self._all


class Publishing:
    """What a plan says of the publications, for the transaction that writes it.

    What comes from other rows is read at once: they may have other names, or pairs, by the end.
    """

    def __init__(self, database: Database, plan: Plan) -> None:
        self._database = database
        self._entries = plan.entries
        others = {one.entry.key: _others(one) for one in plan.entries}
        found = _of_each(database, sorted({key for keys in others.values() for key in keys}))
        self._copied = {
            key: {pair for other in keys for pair in found[other]} for key, keys in others.items()
        }

    def write(self) -> None:
        """Write the difference, once the rows stand under their new names."""
        for kind in KINDS:
            planned = [one for one in self._entries if one.entry.key[0] == kind]
            self._run(of_kind(kind, _CLEAR), [_name(one) for one in planned if _is_new_set(one)])
            dropped = [row for one in planned for row in _rows(one, one.published.dropped)]
            self._run(of_kind(kind, _DROP), dropped)
            added = [row for one in planned for row in _rows(one, self._added(one))]
            self._run(of_kind(kind, _ADD), added)

    def _run(self, sql: str, rows: list[dict[str, str]]) -> None:
        if rows:
            self._database.execute_many(sql, rows)

    def _added(self, planned: PlannedEntry) -> Collection[Pair]:
        return {*planned.published.added, *self._copied[planned.entry.key]}


def _others(planned: PlannedEntry) -> list[Key]:
    """Return the stored keys, beside its row's own, whose pairs count for an entry."""
    return [key for key in planned.published.kept if key != planned.row]


def _is_new_set(planned: PlannedEntry) -> bool:
    """Return whether nothing of what a row has counts any more."""
    return planned.row is not None and planned.row not in planned.published.kept


def _name(planned: PlannedEntry) -> dict[str, str]:
    return {"name": planned.entry.document.name}


def _rows(planned: PlannedEntry, pairs: Collection[Pair]) -> list[dict[str, str]]:
    name = _name(planned)
    return [{**name, "version": version, "content_hash": one} for version, one in sorted(pairs)]


def _of_each(database: Database, keys: Sequence[Key]) -> dict[Key, frozenset[Pair]]:
    """Return what is published under each key, asked for at once."""
    answers = database.query_all([(of_kind(kind, _OF_ONE), {"name": name}) for kind, name in keys])
    return {
        key: frozenset((row["version"], row["content_hash"]) for row in rows)
        for key, rows in zip(keys, answers, strict=True)
    }
