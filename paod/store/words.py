"""Text as the search sees it: letters and digits only, without case and accents.

Folding happens here and not in the database, so that every database finds the same rows.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

MAX_WORDS = 16
"""More words in one search are not looked at."""
_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """Return the words of a text: ``Postgres-Datenbänke`` gives ``postgres`` and ``datenbanke``."""
    return _WORD.findall(text.lower() if text.isascii() else _plain(text))


def search_text(name: str, description: str, tags: Iterable[str]) -> str:
    """Return what a row is found by."""
    return " ".join(words_of(" ".join([name, description, *tags])))


def _plain(text: str) -> str:
    """Return a text without case, accents and other marks that only combine."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in apart if not unicodedata.combining(char))
