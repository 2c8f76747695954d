"""Numbers in sentences, and sentences that fit."""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """Return ``1 error``, ``2 errors``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def found(errors: int, warnings: int, how: str = "") -> str:
    """Return ``2 errors and 1 warning``, or one of the two; "" where there is neither."""
    parts = [
        counted(number, f"{how} {noun}".strip())
        for number, noun in ((errors, "error"), (warnings, "warning"))
        if number
    ]
    return " and ".join(parts)


def cut(text: str, most: int) -> str:
    """Return a text of at most so many characters, with an ellipsis where some are missing."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
