"""VALIDATE, shape: which keys a document has, and what kind of value each of them takes.

Knows nothing of what the values mean together, of files, or of other documents.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jsonschema_rs

from paod.finding import Finding
from paod.model import Kind
from paod.schema.explain import explain
from paod.schema.json_schema import json_schema
from paod.schema.source import BUNDLE, HEADER, ITEM

__all__ = ["accepts", "explain", "findings", "json_schema", "kind_of", "rank"]

_ACCEPT = {kind: jsonschema_rs.validator_for(json_schema(kind)) for kind in ("item", "bundle")}

_LAST = [key for key in {**BUNDLE, **ITEM} if key not in HEADER]
_RANKS = {key: rank for rank, key in enumerate([*HEADER, None, *_LAST])}


def rank(key: str) -> int:
    """Return where a document's key belongs: keys that paod does not know follow the header."""
    return _RANKS.get(key, _RANKS[None])


def kind_of(value: dict[str, Any]) -> Kind:
    """Return what a document is: a bundle has a ``bundle`` key."""
    return "bundle" if "bundle" in value else "item"


def accepts(value: dict[str, Any]) -> bool:
    """Say, fast, whether a document's shape is wholly right, without so much as a warning."""
    return _ACCEPT[kind_of(value)].is_valid(value)


def findings(value: dict[str, Any]) -> Iterator[Finding]:
    """Yield everything wrong with a document's shape, by asking Cerberus where that is needed."""
    return iter(()) if accepts(value) else explain(kind_of(value), value)
