"""The line of a file that a problem is about, and a mark under the place. Pure, and plain text."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from paod.log import escape

WIDEST = 100
"""Columns of a terminal that a line may take; a longer one is shown around the place."""
_BEFORE = 40
_TOKEN = re.compile(
    r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s,\[\]{}](?:(?!:(?:\s|$)|\s\#|[,\[\]{}]).)*"""
)
"""What begins at a place in YAML, as far as one line tells: a quoted text, or a plain one."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """One line fit for a terminal: ``text[start:end]`` is what the mark stands under.

    ``before`` and ``width`` are columns of the terminal, which wide characters take two of.
    """

    text: str
    start: int
    end: int
    before: int
    width: int

    @property
    def mark(self) -> str:
        return " " * self.before + "^" * self.width


def excerpt(line: str, column: int) -> Excerpt:
    """Return what to show of a line with the token at ``column`` (1-based) marked."""
    at = min(column - 1, len(line))
    found = _TOKEN.match(line, at)
    end = at + max(1, len(found[0].rstrip()) if found else 1)
    first = at - _BEFORE if _cells(line) > WIDEST and at > _BEFORE else 0
    lead = "…" if first else ""
    before, token = lead + _visible(line[first:at]), _visible(line[at:end])
    room = max(1, WIDEST - _cells(before))
    token = _cut(token, room)
    rest = "" if _cells(token) >= room else _cut(_visible(line[end:]), room - _cells(token))
    start = len(before)
    return Excerpt(
        before + token + rest, start, start + len(token), _cells(before), _cells(token) or 1
    )


def _visible(text: str) -> str:
    return escape(text.replace("\t", "    "))


def _cut(text: str, room: int) -> str:
    if _cells(text) <= room:
        return text
    kept = text[:room]
    while kept and _cells(kept) >= room:
        kept = kept[:-1]
    return kept + "…"


def _cells(text: str) -> int:
    return len(text) if text.isascii() else sum(map(_width, text))


def _width(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1
