"""Authors' regular expressions, which only RE2 ever sees: it cannot run away."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

MAX_LENGTH = 512

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 1 << 20


@lru_cache(maxsize=1024)
def fault_of(pattern: str) -> str:
    """Return why RE2 does not take a pattern, "" when it does."""
    if len(pattern) > MAX_LENGTH:
        return f"it is longer than {MAX_LENGTH} characters"
    try:
        _compiled(pattern)
    except re2.error as error:
        return _reason(error)
    return ""


def accepts(pattern: str, text: str) -> bool:
    """Say whether a pattern is found anywhere in a text; a bad pattern accepts any text."""
    return bool(fault_of(pattern)) or _compiled(pattern).search(text) is not None


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    return re2.compile(pattern, _OPTIONS)


def _reason(error: Exception) -> str:
    reason = error.args[0] if error.args else ""
    words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
    return words.split(":")[0].replace("perl operator", "operator")
