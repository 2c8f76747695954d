"""How the rules look into a document whose shape may be wrong: what is not as expected is absent.

Wrong shapes have findings of their own, so a rule passes over them without a word.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paod.finding import Path

Part = tuple[Path, dict[str, Any]]
"""A mapping inside a document, with the path that leads to it."""


def mapping(value: Any, *keys: str) -> dict[str, Any]:
    """Return the mapping that the keys lead to, an empty one where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def parts(document: Mapping[str, Any], *keys: str) -> list[Part]:
    """Return the mappings in the list that the keys lead to, each with its path."""
    values = mapping(document, *keys[:-1]).get(keys[-1])
    if not isinstance(values, list):
        return []
    return [
        ((*keys, index), value) for index, value in enumerate(values) if isinstance(value, dict)
    ]


def fields_of(document: Mapping[str, Any]) -> list[Part]:
    """Return the fields of a form: an item's ``fields``, a bundle's ``bundle_fields``."""
    key = "bundle_fields" if "bundle" in document else "fields"
    return parts(document, "presentation", key)


def are_fields_read(document: Mapping[str, Any]) -> bool:
    """Say whether every field has a name to be read; else nobody knows which are declared."""
    key = "bundle_fields" if "bundle" in document else "fields"
    form = document.get("presentation", {} if "bundle" in document else None)
    there = form.get(key, [] if "bundle" in document else None) if isinstance(form, dict) else None
    return isinstance(there, list) and all(
        isinstance(field, dict) and text(field, "name") is not None for field in there
    )


def text(value: Mapping[str, Any], key: str) -> str | None:
    """Return a text, None where there is none."""
    found = value.get(key)
    return found if isinstance(found, str) else None


def texts(value: Mapping[str, Any], key: str) -> list[tuple[int, str]]:
    """Return the texts of a list, each with its index."""
    found = value.get(key)
    if not isinstance(found, list):
        return []
    return [(index, entry) for index, entry in enumerate(found) if isinstance(entry, str)]


def number(value: Mapping[str, Any], key: str) -> int | float | None:
    """Return a number, None where there is none. A boolean is no number."""
    found = value.get(key)
    return found if is_number(found) else None


def is_number(value: Any) -> bool:
    """Say whether a value is a number; a boolean is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)
