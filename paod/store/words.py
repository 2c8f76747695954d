"""Text as the search sees it: letters and digits only, without case and accents.

Folding happens here and not in the database, so that every database finds the same rows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MAX_WORDS = 16
"""More words in one search are not looked at."""
LONGEST = 255
"""Characters of a word that count: PostgreSQL's index has room for 2,046 bytes."""
_WORD = re.compile("[^\\W_\u19b0-\u19c0\u19c8\u19c9\u1cf2\u1cf3]+")
"""The 21 signs by number became letters in Unicode 8 and 12; SQLite takes them for none."""


def words_of(text: str) -> list[str]:
    """Return the words of a text: ``Postgres-Datenbänke`` gives ``postgres`` and ``datenbanke``."""
    words = _WORD.findall(text.lower() if text.isascii() else _plain(text))
    return [word[:LONGEST] for word in words]


def search_text(name: str, description: str, tags: Iterable[str]) -> str:
    """Return what a row is found by."""
    return " ".join(words_of(" ".join([name, description, *tags])))


def _plain(text: str) -> str:
    """Return a text without case, accents and other marks that only combine."""
    apart = unicodedata.normalize("NFKD", text.casefold()).casefold()  # NFKD brings capitals, too
    return "".join(char for char in apart if not unicodedata.combining(char))
