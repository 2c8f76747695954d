"""Items and bundles as readers see them: lists by name, and one in full.

The shapes are those of the API, without its addresses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from paod.database import Row
from paod.model import Kind
from paod.model.limits import FACETS
from paod.store import codec
from paod.store.base import Base
from paod.store.history import LAST_REVISION, revision_json
from paod.store.page import Page, page
from paod.store.tables import entries_table, of_kind
from paod.store.words import MAX_WORDS, words_of

_LIST: Final = """
SELECT id, name, version, description, owner, tags, category, is_active, stale_since,
       stale_problems {pin}
FROM {entries} {pins}
"""
_ONE: Final = "SELECT * FROM {entries} {pins} WHERE name = :name"
_FOLLOWER: Final = """
SELECT target FROM catalog_aliases WHERE kind = :kind AND name = :name
"""
_TAGGED: Final = "id IN (SELECT {entry_id} FROM {tags} WHERE tag = :tag0)"
_FACETS: Final = {
    "categories": """
        SELECT category AS name, COUNT(*) AS found FROM {entries}
        WHERE is_active GROUP BY category ORDER BY found DESC, category LIMIT {most}
    """,
    "owners": """
        SELECT owner AS name, COUNT(*) AS found FROM {entries}
        WHERE is_active GROUP BY owner ORDER BY found DESC, owner LIMIT {most}
    """,
    "tags": """
        SELECT tag AS name, COUNT(*) AS found FROM {tags}
        WHERE {entry_id} NOT IN (SELECT id FROM {entries} WHERE NOT is_active)
        GROUP BY tag ORDER BY found DESC, tag LIMIT {most}
    """,
}


@dataclass(frozen=True, slots=True)
class EntryFilters:
    """What a list is narrowed to: all given ones must hold, and every tag be there."""

    category: str | None = None
    owner: str | None = None
    tags: tuple[str, ...] = ()
    search: str | None = None
    include_inactive: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """An active entry in full."""

    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Renamed:
    """A name that was given up, and the one that follows it."""

    to: str


@dataclass(frozen=True, slots=True)
class Removed:
    """An entry that was removed: ``body`` is its last revision in full, and when it went."""

    body: dict[str, Any]


Lookup = Found | Renamed | Removed | None


class Entries(Base):
    """Reads the catalog that is served."""

    def items(self, filters: EntryFilters, after: str | None, limit: int) -> Page:
        """Return items in byte order of their names, those after a name."""
        return self._list("item", filters, after, limit)

    def bundles(self, filters: EntryFilters, after: str | None, limit: int) -> Page:
        """Return bundles in byte order of their names, those after a name."""
        return self._list("bundle", filters, after, limit)

    def item(self, name: str) -> Lookup:
        """Look an item up: what is active, else what the name leads to, else what was there."""
        return self._lookup("item", name)

    def bundle(self, name: str) -> Lookup:
        """Look a bundle up, as ``item`` does; it names what its parts resolve to."""
        return self._lookup("bundle", name)

    def facets(self, kind: Kind = "item") -> dict[str, list[Any]]:
        """Return the categories, owners and tags of what is active, each with its count.

        Of each at most ``FACETS``, those with the highest counts, in the order of their names;
        ``truncated`` has the lists of which some are left out.
        """
        with self.database.snapshot():
            found = {facet: self._facet(kind, sql) for facet, sql in _FACETS.items()}
        kept: dict[str, list[Any]] = {
            facet: sorted(rows[:FACETS], key=lambda row: str(row["name"]))
            for facet, rows in found.items()
        }
        cut = [facet for facet, rows in found.items() if len(rows) > FACETS]
        return kept | {"truncated": cut}

    def _facet(self, kind: Kind, sql: str) -> list[dict[str, Any]]:
        rows = self.database.query(of_kind(kind, sql.replace("{most}", str(FACETS + 1))))
        return [{"name": row["name"], "count": row["found"]} for row in rows]

    def _list(self, kind: Kind, filters: EntryFilters, after: str | None, limit: int) -> Page:
        clauses = []
        params: dict[str, Any] = {"after": after or "", "limit": limit + 1}
        active = None if filters.include_inactive else True
        wanted = (("category", filters.category), ("owner", filters.owner), ("is_active", active))
        for column, value in wanted:
            if value is not None:
                clauses.append(f"{column} = :{column}")
                params[column] = value
        for number, tag in enumerate(dict.fromkeys(filters.tags)):
            clauses.append(_TAGGED.replace("tag0", f"tag{number}"))
            params[f"tag{number}"] = tag
        if filters.search is not None:
            words = words_of(filters.search)[:MAX_WORDS]
            if not words:
                return Page([])
            clause, found = self.database.search_clause(entries_table(kind), words)
            clauses.append(clause)
            params |= found
        narrowed = "".join(f" {clause} AND" for clause in clauses)
        sql = f"{_LIST} WHERE{narrowed} name > :after ORDER BY name LIMIT :limit"
        rows = self.database.query(of_kind(kind, sql), params)
        return page(rows, limit, _entry_json, lambda row: row["name"])

    def _lookup(self, kind: Kind, name: str) -> Lookup:
        """Look up by one question what is active, and by several, of one state, what is not."""
        found = self._active(kind, self._entry_rows(kind, name))
        if found is None:
            with self.database.snapshot():
                rows = self._entry_rows(kind, name)
                return self._active(kind, rows) or self._inactive(kind, name, rows)
        return found

    def _inactive(self, kind: Kind, name: str, rows: list[Row]) -> Lookup:
        followers = self.database.query(_FOLLOWER, {"kind": kind, "name": name})
        if followers:
            return Renamed(followers[0]["target"])
        return self._removed(kind, rows[0]) if rows else None

    def _entry_rows(self, kind: Kind, name: str) -> list[Row]:
        return self.database.query(of_kind(kind, _ONE), {"name": name})

    def _active(self, kind: Kind, rows: list[Row]) -> Found | None:
        return Found(_detail_json(kind, rows[0])) if rows and rows[0]["is_active"] else None

    def _removed(self, kind: Kind, row: Row) -> Removed:
        last = self.database.query(of_kind(kind, LAST_REVISION), {"id": row["id"]})
        return Removed(
            {
                "name": row["name"],
                "is_active": False,
                "removed_at": row["removed_at"],
                "removed_by": codec.commit_json(row),
                "last_revision": revision_json(last[0]) if last else None,
            }
        )


def _entry_json(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "version": row["version"],
        "description": row["description"],
        "owner": row["owner"],
        "tags": codec.parse(row["tags"]),
        "category": row["category"],
        "is_active": bool(row["is_active"]),
        "stale": _stale_json(row),
        "pin": _pin_json(row),
    }


def _detail_json(kind: Kind, row: Row) -> dict[str, Any]:
    body: dict[str, Any] = codec.parse(row["content"])
    body |= {
        "category": row["category"],
        "source": {
            "path": row["source_file_path"],
            "commit": row["commit_hash"],
            "hash": row["source_file_hash"],
        },
        "revision": row["revision"],
        "generation": row["generation"],
        "is_active": True,
        "stale": _stale_json(row),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }
    return body | (_parts_json(row) if kind == "bundle" else {"pin": _pin_json(row)})


def _stale_json(row: Row) -> dict[str, Any] | None:
    if row["stale_since"] is None:
        return None
    return {"since_commit": row["stale_since"], "problems": row["stale_problems"]}


def _pin_json(row: Row) -> dict[str, Any] | None:
    if row.get("pin_revision") is None:
        return None
    return {
        "revision": row["pin_revision"],
        "reason": row["pin_reason"],
        "since": row["pin_since"],
    }


_PARTS = ("required_item", "optional_item")


def _parts_json(row: Row) -> dict[str, Any]:
    told = codec.parse(row["outline"]).get("references", [])
    references = [reference for reference in told if reference[0] in _PARTS]
    parts = [
        {
            "catalog_item": name,
            "range": wanted,
            "required": reference[0] == "required_item",
            "version": version,
            "reason": reason or None,
        }
        for reference, (name, wanted, version, reason) in zip(
            references, codec.parse(row["parts"]) or [], strict=False
        )
    ]
    return {
        "resolved": bool(row["resolved"]),
        "reasons": [part["reason"] for part in parts if part["reason"]],
        "parts": parts,
    }
