"""Versions and ranges of versions: semver 2.0.0, and comparators joined by commas."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from semver import Version

LONGEST = 64
"""Characters a version may have."""

_COMPARATOR = re.compile(r"\s*(>=|<=|==|=|!=|>|<)?\s*(\S+?)\s*", re.ASCII)
_HOLDS: dict[str, Callable[[int], bool]] = {
    ">=": lambda order: order >= 0,
    "<=": lambda order: order <= 0,
    ">": lambda order: order > 0,
    "<": lambda order: order < 0,
    "!=": lambda order: order != 0,
    "=": lambda order: order == 0,
}
_HOLDS["=="] = _HOLDS["="]

Comparator = tuple[str, Version]


def is_version(text: str) -> bool:
    """Tell whether a text is a semver 2.0.0 version of a bearable length."""
    return len(text) <= LONGEST and Version.is_valid(text)


def compare(one: str, other: str) -> int:
    """Return -1, 0 or 1 as the first version is lower, of equal precedence, or higher."""
    return _parse(one).compare(_parse(other))


@lru_cache(maxsize=4096)
def parse_range(text: str) -> tuple[Comparator, ...]:
    """Read ``>=1.2.0, <2.0.0`` into its comparators; "" is any version; else ``ValueError``."""
    if not text.strip():
        return ()
    comparators = []
    for part in text.split(","):
        found = _COMPARATOR.fullmatch(part)
        if found is None or not is_version(found[2]):
            raise ValueError(f"'{part.strip()[:LONGEST]}' is not a comparator")
        comparators.append((found[1] or "=", Version.parse(found[2])))
    return tuple(comparators)


def version_in_range(version: str, text: str) -> bool:
    """Tell whether a version fulfils every comparator of a range."""
    parsed = _parse(version)
    return all(_HOLDS[sign](parsed.compare(bound)) for sign, bound in parse_range(text))


@lru_cache(maxsize=4096)
def _parse(version: str) -> Version:
    return Version.parse(version)
