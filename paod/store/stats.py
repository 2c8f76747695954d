"""The catalog in figures."""

from __future__ import annotations

from typing import Any, Final

from paod.model import Kind
from paod.store.base import Base
from paod.store.recorded import open_counts
from paod.store.tables import of_kind

_TOTALS: Final = """
SELECT COUNT(*) AS rows_in_all,
       COALESCE(SUM(CASE WHEN is_active THEN 1 ELSE 0 END), 0) AS active,
       COALESCE(SUM(CASE WHEN stale_since IS NOT NULL THEN 1 ELSE 0 END), 0) AS stale,
       MAX(updated_at) AS updated_at
FROM {entries}
"""
_UNRESOLVED: Final = """
SELECT COUNT(*) AS found FROM catalog_bundles WHERE is_active AND NOT resolved
"""
_BY: Final = {
    "by_category": """
        SELECT category AS name, COUNT(*) AS found FROM {entries}
        WHERE is_active GROUP BY category
    """,
    "by_owner": """
        SELECT owner AS name, COUNT(*) AS found FROM {entries} WHERE is_active GROUP BY owner
    """,
}


class Stats(Base):
    """Counts what the other tables hold; it reads them whole, so it is for people."""

    def stats(self) -> dict[str, Any]:
        """Return totals by kind, category and owner, and when the catalog last changed."""
        with self.database.snapshot():
            items, items_updated = self._totals("item")
            bundles, bundles_updated = self._totals("bundle")
            unresolved = self.database.query(_UNRESOLVED)[0]["found"]
            errors, warnings = open_counts(self.database)
            groups = {name: self._grouped(sql) for name, sql in _BY.items()}
        moments = [moment for moment in (items_updated, bundles_updated) if moment is not None]
        return {
            "items": items,
            "bundles": bundles | {"unresolved": unresolved},
            **groups,
            "problems": {"error": errors, "warning": warnings},
            "last_updated_at": max(moments, default=None),
        }

    def _totals(self, kind: Kind) -> tuple[dict[str, int], str | None]:
        row = self.database.query(of_kind(kind, _TOTALS))[0]
        inactive = row["rows_in_all"] - row["active"]
        counts = {"active": row["active"], "inactive": inactive, "stale": row["stale"]}
        return counts, row["updated_at"]

    def _grouped(self, sql: str) -> dict[str, dict[str, int]]:
        """Return a column's values in byte order, each with its active items and bundles."""
        items, bundles = (
            {row["name"]: row["found"] for row in self.database.query(of_kind(kind, sql))}
            for kind in ("item", "bundle")
        )
        return {
            name: {"items": items.get(name, 0), "bundles": bundles.get(name, 0)}
            for name in sorted(items.keys() | bundles.keys())
        }
