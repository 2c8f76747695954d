"""The forms that parameters have, each with its reader and the JSON Schema that says the same."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from paod.api.operation import Parameter

PAGE_DEFAULT: Final = 50
PAGE_MOST: Final = 100
WAIT_MOST: Final = 30
NUMBER_MOST: Final = 10**15
NAME_PATTERN: Final = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
HASH_PATTERN: Final = "^([0-9a-f]{40}|[0-9a-f]{64})$"
DELIVERY_PATTERN: Final = "^[0-9A-Za-z]+(-[0-9A-Za-z]+)*$"

_PLAIN: Final = "^[^\\x00-\\x1f\\x7f]*$"
_SOME_WORDS: Final = "^[^\\x00-\\x1f\\x7f]*[^\\x00-\\x20\\x7f,][^\\x00-\\x1f\\x7f]*$"
_DIGITS: Final = re.compile(r"[0-9]{1,16}", re.ASCII)


def whole(name: str, about: str, least: int, most: int, default: int | None = None) -> Parameter:
    """A whole number between two bounds."""

    def read(text: str) -> int:
        if not _DIGITS.fullmatch(text) or not least <= int(text) <= most:
            raise ValueError(f"it takes a whole number from {least} to {most}")
        return int(text)

    schema: dict[str, Any] = {"type": "integer", "minimum": least, "maximum": most}
    if default is not None:
        schema["default"] = default
    return Parameter(name, about, schema, read, default)


def flag(name: str, about: str) -> Parameter:
    """A switch that is off unless it is ``true``."""

    def read(text: str) -> bool:
        if text not in ("true", "false"):
            raise ValueError("it takes true or false")
        return text == "true"

    return Parameter(name, about, {"type": "boolean", "default": False}, read, False)


def choice(name: str, about: str, words: tuple[str, ...], default: str | None = None) -> Parameter:
    """One of some words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"it takes one of {', '.join(words)}")
        return text

    schema: dict[str, Any] = {"type": "string", "enum": list(words)}
    if default is not None:
        schema["default"] = default
    return Parameter(name, about, schema, read, default)


def text(name: str, about: str, most: int = 200) -> Parameter:
    """Text without control characters."""
    return matching(name, about, _PLAIN, f"text of 1 to {most} characters", most)


def matching(name: str, about: str, pattern: str, takes: str, most: int) -> Parameter:
    """Text of a form. ``takes`` says the pattern in words."""
    form = re.compile(pattern)

    def read(value: str) -> str:
        if not 0 < len(value) <= most or not form.match(value) or "\n" in value:
            raise ValueError(f"it takes {takes}")
        return value

    schema = {"type": "string", "minLength": 1, "maxLength": most, "pattern": pattern}
    return Parameter(name, about, schema, read)


def words(name: str, about: str) -> Parameter:
    """Comma-separated words, in any order."""
    form = matching(name, about, _SOME_WORDS, "comma-separated words", 400)

    def read(value: str) -> tuple[str, ...]:
        found = {word.strip() for word in form.read(value).split(",")}
        return tuple(sorted(found - {""}))

    return Parameter(name, about, form.schema, read, ())


LIMIT: Final = whole("limit", "How many rows an answer holds at most.", 1, PAGE_MOST, PAGE_DEFAULT)
CURSOR: Final = matching(
    "cursor",
    "Where the page before ended: its `pagination.next_cursor`, to be used with the same filters.",
    "^[A-Za-z0-9_-]+$",
    "what a page gave as next_cursor",
    2000,
)
FULL_COMMIT: Final = matching(
    "commit",
    "A commit's whole hash: the answer then says what became of it.",
    HASH_PATTERN,
    "a whole hash of 40 or 64 hex digits",
    64,
)


MIN_GENERATION: Final = whole(
    "min_generation",
    "Answer only with a catalog of this generation or a newer one; waits for it a few seconds.",
    0,
    NUMBER_MOST,
)


def wait(about: str) -> Parameter:
    """Seconds for which an answer may be held back."""
    return whole("wait", about, 0, WAIT_MOST, 0)


DELIVERY: Final = replace(
    matching("delivery", "The delivery's id.", DELIVERY_PATTERN, "a delivery id", 64),
    required=False,
)
PLACES: Final = {
    place.name: place
    for place in (
        matching("name", "The document's name.", NAME_PATTERN, "a name", 63),
        whole("revision", "The revision's number.", 1, NUMBER_MOST),
        matching("code", "A problem's code.", NAME_PATTERN, "a problem's code", 63),
        whole("sync_id", "The sync's number.", 1, NUMBER_MOST),
        matching(
            "delivery_id",
            "The delivery's id, as its host gave it.",
            DELIVERY_PATTERN,
            "a delivery id",
            64,
        ),
    )
}
"""The parameters that stand in paths."""
