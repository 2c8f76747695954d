"""Authors' regular expressions, which only RE2 ever sees: it cannot run away."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from paod.model.limits import REGEXP_CHARACTERS, REGEXP_PROGRAM
from paod.rules.program import program_size

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 1 << 19


@lru_cache(maxsize=1024)
def fault_of(pattern: str) -> str:
    """Return why RE2 does not take a pattern, "" when it does."""
    if len(pattern) > REGEXP_CHARACTERS:
        return f"it is longer than {REGEXP_CHARACTERS} characters"
    if size_of(pattern) > REGEXP_PROGRAM:
        return (
            f"it is too large, more than {REGEXP_PROGRAM} instructions once repeats are written out"
        )
    try:
        _compiled(pattern)
    except re2.error as error:
        return _reason(error)
    return ""


def accepts(pattern: str, text: str) -> bool:
    """Say whether a pattern is found anywhere in a text; a bad pattern accepts any text."""
    return bool(fault_of(pattern)) or _compiled(pattern).search(text) is not None


@lru_cache(maxsize=1024)
def size_of(pattern: str) -> int:
    """Return about how many instructions a pattern's program has, 0 for one that is too long."""
    return program_size(pattern) if len(pattern) <= REGEXP_CHARACTERS else 0


@lru_cache(maxsize=128)
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern, _OPTIONS)


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    return words.split(":")[0].replace("perl operator", "operator")
