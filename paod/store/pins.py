"""Items that are held at a revision, whatever the branch says of them meanwhile."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from paod.database import Row
from paod.errors import PinRefused
from paod.failpoint import failpoint
from paod.model import CatalogChange
from paod.store import codec
from paod.store.feed import write_changes
from paod.store.head import HeadState
from paod.store.overlay import lay, lift
from paod.store.parts import Bundle, bundles_now, bundles_with, write_parts
from paod.store.telling import Telling

_ITEM: Final = """
SELECT id, name, generation, updated_at, pin_revision
FROM catalog_items LEFT JOIN catalog_item_pins ON item_id = id WHERE name = :name
"""
_FOLLOWER: Final = "SELECT target FROM catalog_aliases WHERE kind = 'item' AND name = :name"
_REVISION: Final = """
SELECT change, version FROM catalog_item_versions WHERE item_id = :id AND revision = :revision
"""
_PUT: Final = """
INSERT INTO catalog_item_pins (item_id, pin_revision, pin_reason, pin_since, branch_row)
VALUES (:id, :revision, :reason, :now, '{}')
"""
_DROP: Final = "DELETE FROM catalog_item_pins WHERE item_id = :id"
_RELEASED: Final = """
UPDATE catalog_items SET generation = :generation, updated_at = :now WHERE id = :id
"""
_ALL: Final = """
SELECT name, version, pin_revision, pin_reason, pin_since, branch_row
FROM catalog_item_pins JOIN catalog_items ON id = item_id ORDER BY name
"""


class Pins(HeadState, Telling):
    """Pins items and releases them, each in one transaction with what readers see of it."""

    def pin_item(self, name: str, revision: int, reason: str) -> dict[str, Any]:
        """Serve an item as a revision of it says until it is released; return what holds now.

        An item that the branch removed is served again. Raises ``PinRefused`` where there is no
        such item or revision, or where the revision is a removal.
        """
        with self.database.atomic():
            item = self._item(name)
            found = self._revision(item, revision)
            if item["pin_revision"] is not None:
                self._release(item)
            generation, now = self._new_generation().generation, self._now()
            values = {"id": item["id"], "revision": revision, "reason": reason, "now": now}
            self.database.execute(_PUT, values)
            lay(self.database, item["id"], revision, generation, now)
            change = CatalogChange("item", name, "pinned", found["version"], revision)
            self._tell(change, generation, now)
            failpoint("before_pin_commit")
        self.database.wake()
        pin = {"revision": revision, "reason": reason, "since": now}
        return {"name": name, "pin": pin, "generation": generation}

    def release_item(self, name: str) -> dict[str, Any]:
        """Serve an item as the branch says again; raises ``PinRefused`` where it is not pinned."""
        with self.database.atomic():
            item = self._item(name)
            if item["pin_revision"] is None:
                raise PinRefused(f"the item {name} is not pinned", reason="NotPinned")
            branch = self._release(item)
            generation, now = self._new_generation().generation, self._now()
            values = {"id": item["id"], "generation": generation, "now": now}
            self.database.execute(_RELEASED, values)
            kind: Any = "released" if branch["is_active"] else "removed"
            change = CatalogChange("item", name, kind, branch["version"], branch["revision"])
            self._tell(change, generation, now)
        self.database.wake()
        return {"name": name, "pin": None, "generation": generation}

    def item_pins(self) -> list[dict[str, Any]]:
        """Return every pinned item by name: what is served, why, and what the branch has."""
        return [_pin_json(row) for row in self.database.query(_ALL)]

    def _item(self, name: str) -> Row:
        rows = self.database.query(_ITEM, {"name": name})
        if rows:
            return rows[0]
        followers = self.database.query(_FOLLOWER, {"name": name})
        hint = f"it is called {followers[0]['target']} now" if followers else ""
        raise PinRefused(f"the catalog has never had an item {name}", hint, reason="NoSuchItem")

    def _revision(self, item: Row, number: int) -> Row:
        rows = self.database.query(_REVISION, {"id": item["id"], "revision": number})
        name, hint = item["name"], f"`paod history {item['name']}` lists the revisions"
        if not rows:
            raise PinRefused(f"{name} has no revision {number}", hint, reason="NoSuchRevision")
        if rows[0]["change"] == "removed":
            message = f"revision {number} of {name} is its removal: it cannot be served"
            raise PinRefused(message, hint, reason="RevisionIsRemoval")
        return rows[0]

    def _release(self, item: Row) -> Row:
        branch = lift(self.database, item["id"])
        self.database.execute(_DROP, {"id": item["id"]})
        return branch

    def _tell(self, change: CatalogChange, generation: int, now: str) -> None:
        """Write into the feed what became of an item, and of the bundles that have it as a part."""
        bundles = self._resolve(change.name, generation, now)
        changes = [change, *map(_resolution, bundles)]
        write_changes(self.database, changes, generation)
        self._tell_changes(changes, generation)

    def _resolve(self, name: str, generation: int, now: str) -> Iterable[Bundle]:
        """Hold bundles against what is served now; return those that resolve otherwise."""
        moved = []
        bundles = bundles_with(self.database, (name,)).values()
        _, served = bundles_now(self.database, (), (), (name,))
        for bundle in bundles:
            parts = served.parts(bundle)
            if parts != bundle.parts:
                write_parts(self.database, bundle, parts, generation, now)
                moved.append(bundle)
        return moved


def _resolution(bundle: Bundle) -> CatalogChange:
    return CatalogChange("bundle", bundle.name, "resolution", bundle.version, bundle.revision)


def _pin_json(row: Row) -> dict[str, Any]:
    branch = codec.parse(row["branch_row"])
    return {
        "name": row["name"],
        "revision": row["pin_revision"],
        "version": row["version"],
        "reason": row["pin_reason"],
        "since": row["pin_since"],
        "branch": {
            "revision": branch["revision"],
            "version": branch["version"],
            "is_active": bool(branch["is_active"]),
        },
    }
