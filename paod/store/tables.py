"""The two kinds of entry and the tables that hold them: one SQL text serves both.

In the store's SQL ``{entries}``, ``{versions}``, ``{tags}``, ``{published}`` and ``{entry_id}``
stand for a kind's own names, ``{pin}`` and ``{pins}`` for the columns and the join of what items
alone have: a pin. ``{parts}`` is a column that bundles alone have. They are put in here, from
constants; values only ever go in as parameters.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Final

from paod.model import Kind

KINDS: Final[tuple[Kind, ...]] = ("item", "bundle")

_NAMES: Mapping[Kind, Mapping[str, str]] = {
    "item": {
        "{entries}": "catalog_items",
        "{versions}": "catalog_item_versions",
        "{tags}": "catalog_item_tags",
        "{published}": "catalog_item_published",
        "{entry_id}": "item_id",
        "{parts}": "",
        "{pin}": ", pin_revision, pin_reason, pin_since",
        "{pins}": "LEFT JOIN catalog_item_pins ON item_id = id",
    },
    "bundle": {
        "{entries}": "catalog_bundles",
        "{versions}": "catalog_bundle_versions",
        "{tags}": "catalog_bundle_tags",
        "{published}": "catalog_bundle_published",
        "{entry_id}": "bundle_id",
        "{parts}": ", parts",
        "{pin}": "",
        "{pins}": "",
    },
}


@cache
def of_kind(kind: Kind, sql: str) -> str:
    """Return a statement for one kind's tables."""
    for token, name in _NAMES[kind].items():
        sql = sql.replace(token, name)
    return sql


def entries_table(kind: Kind) -> str:
    """Return the name of the table that holds the entries of a kind."""
    return _NAMES[kind]["{entries}"]


def upsert(
    table: str,
    key: str,
    columns: Iterable[str],
    kept: Collection[str] = (),
    special: Mapping[str, str] | None = None,
) -> str:
    """Return the statement that inserts a row or, where ``key`` is there already, updates it.

    ``kept`` columns keep what they hold; ``special`` ones get an expression of their own.
    """
    names = list(columns)
    updates = {name: f"excluded.{name}" for name in names if name != key and name not in kept}
    updates |= special or {}
    return " ".join(
        [
            f"INSERT INTO {table} ({', '.join(names)})",
            f"VALUES ({', '.join(f':{name}' for name in names)})",
            f"ON CONFLICT ({key}) DO UPDATE SET",
            ", ".join(f"{name} = {value}" for name, value in updates.items()),
        ]
    )
