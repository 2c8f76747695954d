"""What one check finds wrong inside one document, before it is known where that stands.

A finding names a place by its path of keys and indexes; ``validate`` looks the line and column up
and makes a ``Problem`` of it. Checks stay pure and know nothing of files.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import islice
from typing import Any

from paod.model import Place

Path = tuple[str | int, ...]
"""Keys and indexes from the document's root to a value: ``("tags", 0)``."""


INVISIBLE = re.compile("[\u00a0\u2000-\u200b\u202f\u205f\u2060\u3000\ufeff]")
"""Spaces that YAML takes for letters: they come with text that is pasted from pages and chats."""
INVISIBLE_MESSAGE = "a space that YAML takes for a letter stands here"
INVISIBLE_HINT = "write a common space in its place"
NO_VALUE_HINT = "give it a value, or remove the key"
_MOST_KNOWN = 200
"""Words that are compared at most: a document may declare thousands."""
_MOST_LISTED = 12


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at ``path``; ``on_key``: at its key, otherwise at its value.

    ``place`` is given where the check already knows it, and wins over what the path leads to.
    """

    code: str
    message: str
    hint: str = ""
    path: Path = ()
    on_key: bool = False
    place: Place | None = None


def pointer(path: Path) -> str:
    """Return a path as a JSON Pointer (RFC 6901)."""
    return "".join(f"/{_escape(part)}" for part in path)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the known word most like this one, or no hint."""
    words = islice(sorted(known), _MOST_KNOWN)
    close = get_close_matches(word[:64].lower(), words, n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else ""


def choice(word: str, known: Collection[str], otherwise: str = "") -> str:
    """Return a hint: the known word most like this one, or else which there are to choose from.

    ``otherwise`` is the hint where there are none, or too many to list.
    """
    near = nearest(word, known)
    if near or not known or len(known) > _MOST_LISTED:
        return near or otherwise
    return f"use one of: {', '.join(known)}" if all(map(_is_word, known)) else otherwise


def shown(value: Any) -> str:
    """Return a short word as it may stand in a message: never more than a name's worth of it.

    What an author wrote may be a secret, so only texts that look like a name are quoted.
    """
    text = str(value)
    return f"'{text}'" if _is_word(text) else "this value"


def _is_word(text: str) -> bool:
    return len(text) <= 32 and all(char.isalnum() or char in "-_.:/" for char in text)


def _escape(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1").replace("\0", "\ufffd")
