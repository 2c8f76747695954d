"""What was: every revision of every entry, and the feed of what each sync changed."""

from __future__ import annotations

from typing import Any, Final

from paod.database import Row
from paod.model import Kind
from paod.store import codec
from paod.store.base import Base
from paod.store.page import Page, page
from paod.store.tables import of_kind

_FIELDS: Final = """
SELECT revision, change, name, version, renamed_from, category, source_file_path,
       source_file_hash, content_hash, commit_hash, commit_author, commit_time, commit_subject,
       generation, sync_id, created_at
"""
_ID: Final = "SELECT id FROM {entries} WHERE name = :name"
_LIST: Final = f"""{_FIELDS} FROM {{versions}}
WHERE {{entry_id}} = :id AND revision < :before ORDER BY revision DESC LIMIT :limit
"""
_ONE: Final = f"""{_FIELDS}, content FROM {{versions}}
WHERE {{entry_id}} = :id AND revision = :number
"""
LAST_REVISION: Final = f"""{_FIELDS}, content FROM {{versions}}
WHERE {{entry_id}} = :id ORDER BY revision DESC LIMIT 1
"""
_CHANGES: Final = """
SELECT generation, position, kind, name, change, version, revision, renamed_from
FROM catalog_changes WHERE (generation, position) > (:since, :position)
ORDER BY generation, position LIMIT :limit
"""
_NO_MORE_OF_IT: Final = 2**62


class History(Base):
    """Reads the past, which is never pruned."""

    def versions(self, kind: Kind, name: str, before: int | None, limit: int) -> Page | None:
        """Return an entry's revisions, newest first, those below a number; None: no such entry.

        A removed entry still has them. Contents are left out.
        """
        with self.database.snapshot():
            entry = self._id(kind, name)
            if entry is None:
                return None
            params = {"id": entry, "before": before or _NO_MORE_OF_IT, "limit": limit + 1}
            rows = self.database.query(of_kind(kind, _LIST), params)
        return page(rows, limit, revision_json, lambda row: row["revision"])

    def revision(self, kind: Kind, name: str, number: int) -> dict[str, Any] | None:
        """Return one revision with its ``document``, None if there is none."""
        with self.database.snapshot():
            entry = self._id(kind, name)
            params = {"id": entry, "number": number}
            rows = [] if entry is None else self.database.query(of_kind(kind, _ONE), params)
        return revision_json(rows[0]) if rows else None

    def changes(self, since: int, limit: int, position: int | None = None) -> Page:
        """Return what changed after a generation, in order.

        ``since`` and ``position`` together go on after one change of a generation: they are a
        page's ``next``.
        """
        params = {
            "since": since,
            "position": _NO_MORE_OF_IT if position is None else position,
            "limit": limit + 1,
        }
        rows = self.database.query(_CHANGES, params)
        return page(rows, limit, _change_json, lambda row: (row["generation"], row["position"]))

    def _id(self, kind: Kind, name: str) -> int | None:
        rows = self.database.query(of_kind(kind, _ID), {"name": name})
        return rows[0]["id"] if rows else None


def revision_json(row: Row) -> dict[str, Any]:
    """Return a revision as readers see it; with its document where the row has the content."""
    body = {
        "revision": row["revision"],
        "change": row["change"],
        "name": row["name"],
        "version": row["version"],
        "renamed_from": row["renamed_from"],
        "category": row["category"],
        "source": {"path": row["source_file_path"], "hash": row["source_file_hash"]},
        "content_hash": row["content_hash"],
        "commit": codec.commit_json(row),
        "generation": row["generation"],
        "sync_id": row["sync_id"],
        "created_at": row["created_at"],
    }
    return body | {"document": codec.parse(row["content"])} if "content" in row else body


def _change_json(row: Row) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "position"}
