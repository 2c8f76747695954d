"""Which key was meant where one is missing and one stands there that nobody knows."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Any

from paod.finding import Path
from paod.schema.cerberus_check import chosen
from paod.schema.parts import Schema
from paod.schema.source import DOCUMENTS, VARIANTS

_MOST_COMPARED = 200
"""Keys that are compared at most with one that is missing."""


def is_meant(key: str, value: dict[str, Any]) -> bool:
    """Say whether a key that is not there stands there misspelt."""
    return key not in value and _like(key, value) is not None


def _like(key: str, words: Iterable[Any]) -> str | None:
    texts = [word for word in words if isinstance(word, str) and not word.startswith("x-")]
    return next(iter(get_close_matches(key, texts[:_MOST_COMPARED], n=1, cutoff=0.7)), None)


def slip_of(kind: str, value: dict[str, Any], path: Path) -> str | None:
    """Return the key that stands where the one at ``path`` is missing, None where none is like it.

    It is one that the mapping does not know, of whatever type it may be.
    """
    rules = rules_at(kind, value, path[:-1])
    known = set(keys_at(rules, value, path[:-1]))
    if "variant" in rules:
        known.update(*VARIANTS[rules["variant"]].choices.values())
    there = value_at(value, path[:-1])
    return _like(str(path[-1]), [key for key in there if key not in known])


def keys_at(rules: Schema, value: dict[str, Any], path: Path) -> Schema:
    """Return the Cerberus rules of a mapping's keys, given its own rules."""
    if "variant" in rules:
        return chosen(rules["variant"], value_at(value, path))[0]
    schema: Schema = rules["schema"]
    return schema


def rules_at(kind: str, value: dict[str, Any], path: Path) -> Schema:
    """Return the Cerberus rules of the value at a path."""
    rules: Schema = {"schema": DOCUMENTS[kind]}
    for depth, part in enumerate(path):
        inner = rules["schema"] if isinstance(part, int) else keys_at(rules, value, path[:depth])
        rules = inner if isinstance(part, int) else inner[part]
    return rules


def value_at(value: Any, path: Path) -> Any:
    """Return the value at a path."""
    for part in path:
        value = value[part]
    return value
