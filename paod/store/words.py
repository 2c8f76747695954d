"""Text as the search sees it: letters and digits only, without case and accents.

Folding happens here and not in the database, so that every database finds the same rows.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

MAX_WORDS = 16
"""More words in one search are not looked at."""


def words_of(text: str) -> list[str]:
    """Return the words of a text: ``Postgres-Datenbänke`` gives ``postgres`` and ``datenbanke``."""
    plain = (char for char in unicodedata.normalize("NFKD", text.casefold()) if _counts(char))
    return "".join(char if char.isalnum() else " " for char in plain).split()


def search_text(name: str, description: str, tags: Iterable[str]) -> str:
    """Return what a row is found by."""
    return " ".join(words_of(" ".join([name, description, *tags])))


def _counts(char: str) -> bool:
    return not unicodedata.combining(char)
