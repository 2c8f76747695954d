"""Versions and version ranges: Semantic Versioning 2.0.0, compared by its precedence.

Pure and below everything else, since validation, the fold and the plan all ask. A range is
comparators joined by commas, all of which must hold: ``>=1.2.0, <2.0.0``. A pre-release is compared
like any other version (``2.0.0-rc.1`` is below ``2.0.0`` and above ``1.9.9``), build metadata never
counts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from operator import eq, ge, gt, le, lt, ne

from semver import Version

from paod.model.limits import RANGE_PARTS

_NUMBER = r"(?:0|[1-9][0-9]*)"
_WORD = r"[0-9A-Za-z-]+"
_PRERELEASE = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
SEMVER = (
    rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}"
    rf"(?:-{_PRERELEASE}(?:\.{_PRERELEASE})*)?"
    rf"(?:\+{_WORD}(?:\.{_WORD})*)?"
)
"""A version, as a regular expression to be matched against the whole text."""

_COMPARATOR = rf"(?:>=|<=|==|!=|>|<|=)? *{SEMVER}"
RANGE = rf" *(?:\*|{_COMPARATOR}(?: *, *{_COMPARATOR}){{0,{RANGE_PARTS - 1}}}) *"
"""A version range, as a regular expression to be matched against the whole text."""

MAX_LENGTH = 128
"""Characters of a version, or of one comparator."""

_OPERATORS: dict[str, Callable[[Version, Version], bool]] = {
    ">=": ge,
    "<=": le,
    "==": eq,
    "!=": ne,
    ">": gt,
    "<": lt,
    "=": eq,
    "": eq,
}
_SEMVER = re.compile(SEMVER)
_PART = re.compile(rf"(>=|<=|==|!=|>|<|=)? *({SEMVER})")


@dataclass(frozen=True, slots=True)
class Comparator:
    """One condition of a range: an operator and the version it compares with."""

    operator: str
    version: Version

    def holds(self, version: Version) -> bool:
        """Say whether a version meets the condition."""
        return _OPERATORS[self.operator](version, self.version)


def is_version(text: str) -> bool:
    """Say whether a text is a version of Semantic Versioning 2.0.0."""
    return len(text) <= MAX_LENGTH and _SEMVER.fullmatch(text) is not None


def compare(one: str, other: str) -> int:
    """Return -1, 0 or 1 as ``one`` is lower than, equal to or higher than ``other``.

    ValueError: one of them is not a version.
    """
    return _parse(one).compare(_parse(other))


def version_in_range(version: str, text: str) -> bool:
    """Say whether a version meets every condition of a range; an empty range takes any version.

    ValueError: the version or the range does not parse.
    """
    found = _parse(version)
    return all(comparator.holds(found) for comparator in parse_range(text))


@lru_cache(maxsize=4096)
def parse_range(text: str) -> tuple[Comparator, ...]:
    """Return the conditions of a range; none of them for ``*`` and the empty text.

    ValueError: the range does not parse.
    """
    if text.strip(" ") in ("", "*"):
        return ()
    return tuple(_comparator(part.strip(" ")) for part in text.split(","))


def is_empty_range(text: str) -> bool:
    """Say whether no version at all can meet a range, as with ``>=2.0.0, <1.0.0``.

    ValueError: the range does not parse.
    """
    comparators = parse_range(text)
    met = any(all(found.holds(bound) for found in comparators) for bound in _narrowest(comparators))
    return bool(comparators) and not met and not _is_open(comparators)


def _narrowest(comparators: tuple[Comparator, ...]) -> Iterator[Version]:
    """Yield the bounds of which one meets all conditions, if any bound does: three at most."""
    lower = [found.version for found in comparators if found.operator in (">", ">=")]
    upper = [found.version for found in comparators if found.operator in ("<", "<=")]
    exact = [found.version for found in comparators if found.operator in ("=", "==", "")]
    yield from [max(lower)] if lower else []
    yield from [min(upper)] if upper else []
    yield from exact[:1]


def _is_open(comparators: tuple[Comparator, ...]) -> bool:
    """Say whether versions lie strictly between the bounds, though no bound itself fits."""
    if any(found.operator in ("=", "==", "") for found in comparators):
        return False
    lower = [found.version for found in comparators if found.operator in (">", ">=")]
    upper = [found.version for found in comparators if found.operator in ("<", "<=")]
    return not lower or not upper or max(lower) < min(upper)


def _comparator(part: str) -> Comparator:
    match = _PART.fullmatch(part)
    if match is None:
        raise ValueError("a range is comparators joined by commas, such as >=1.2.0, <2.0.0")
    return Comparator(match[1] or "", _parse(match[2]))


@lru_cache(maxsize=4096)
def _parse(text: str) -> Version:
    if not is_version(text):
        raise ValueError("a version has the form of Semantic Versioning, such as 1.2.0")
    return Version.parse(text)
