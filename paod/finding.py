"""What one check finds wrong inside one document, before it is known where that stands.

A finding names a place by its path of keys and indexes; ``validate`` looks the line and column up
and makes a ``Problem`` of it. Checks stay pure and know nothing of files.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
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
_MOST_COMPARED = 60_000
"""Pairs of letters that are compared at most in search of a near word."""
_MOST_LISTED = 12


@dataclass(frozen=True, slots=True)
class Finding:
    """Something wrong at ``path``; ``on_key``: at its key, otherwise at its value.

    ``place`` is given where the check already knows it, and wins over what the path leads to.
    ``part`` is a part of the value as it stands in the text; ``into`` it, so many characters, is
    what is wrong.
    """

    code: str
    message: str
    hint: str | Near = ""
    path: Path = ()
    on_key: bool = False
    place: Place | None = None
    part: str = ""
    into: int = 0


def pointer(path: Path) -> str:
    """Return a path as a JSON Pointer (RFC 6901)."""
    return "".join(f"/{_escape(part)}" for part in path)


def nearest(word: str, known: Iterable[str]) -> str:
    """Return a hint that names the known word most like this one, or no hint.

    At most ``_MOST_KNOWN`` words are compared, and of long ones fewer: comparing two costs the
    product of their lengths.
    """
    word = word[:64].lower()
    close = get_close_matches(word, _comparable(word, known), n=1, cutoff=0.6)
    return f"did you mean '{close[0]}'?" if close else ""


def _comparable(word: str, known: Iterable[str]) -> Iterator[str]:
    left = _MOST_COMPARED
    for other in islice(sorted(known), _MOST_KNOWN):
        if 2 * min(len(word), len(other)) >= 0.6 * (len(word) + len(other)):
            left -= len(word) * len(other)
            if left < 0:
                return
            yield other


def choice(word: str, known: Collection[str], otherwise: str = "") -> str:
    """Return a hint: the known word most like this one, or else which there are to choose from.

    ``otherwise`` is the hint where there are none, or too many to list.
    """
    return nearest(word, known) or _listed(known, otherwise)


def _listed(known: Collection[str], otherwise: str) -> str:
    if not known or len(known) > _MOST_LISTED:
        return otherwise
    return f"use one of: {', '.join(known)}" if all(map(_is_word, known)) else otherwise


@dataclass(frozen=True, slots=True)
class Near:
    """A hint that is looked for only where it is shown, since a search costs milliseconds.

    Reads as ``choice`` does; ``but`` is a known word that is not meant, and without ``lists`` there
    is no list of what there is to choose from.
    """

    word: str
    known: Collection[str]
    otherwise: str = ""
    but: str | None = None
    lists: bool = True

    def __str__(self) -> str:
        return self.text(search=True)

    def text(self, *, search: bool) -> str:
        """Return the hint; without ``search`` no near word is looked for."""
        known = sorted(word for word in self.known if word != self.but) if search else []
        near = nearest(self.word, known)
        if near or not self.lists or len(self.known) > _MOST_LISTED + 1:
            return near or self.otherwise
        known = [word for word in self.known if word != self.but]
        return _listed(
            known if isinstance(self.known, list | tuple) else sorted(known), self.otherwise
        )


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
