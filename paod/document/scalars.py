"""What a scalar means: YAML 1.2's core schema, and nothing that surprises.

``true``, ``false``, ``null``, integers and floats are what they look like. All else is text: ``no``
and ``on``, ``1:30``, ``1_000``, ``0123`` and dates among it, each of which older readers turn into
something its author did not write.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Any

from paod.finding import Finding
from paod.model.limits import SCALAR_BYTES

MAX_SCALAR_BYTES = SCALAR_BYTES
MAX_INTEGER = 2**63 - 1
MIN_INTEGER = -(2**63)

_CONSTANTS: dict[str, Any] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_STARTS = frozenset("+-.0123456789<=")
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?")
_TAG = "tag:yaml.org,2002:"
_BASES = {"0o": 8, "0x": 16}


class BadScalarError(Exception):
    """A scalar that stands for no value; carries the finding, which has no place yet."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def is_text(text: str) -> bool:
    """Say whether an unquoted scalar is sure to mean itself: almost all do."""
    return text not in _CONSTANTS and text[0] not in _STARTS


def plain(text: str) -> Any:
    """Return what an unquoted scalar means. BadScalarError: it is a number out of range."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        return _integer(text)
    if _FLOAT.fullmatch(text):
        return _float(text)
    if _NOT_FINITE.fullmatch(text):
        raise _bad_number("a number must be finite")
    if text in ("<<", "="):
        raise BadScalarError(Finding("unsafe-tag", f"'{text}' has no meaning here", "quote it"))
    return text


def tagged(tag: str, text: str) -> Any:
    """Return what a scalar with a tag means. BadScalarError: it is unsafe, or does not fit."""
    name = tag.removeprefix(_TAG)
    if name == tag or name not in ("str", "null", "bool", "int", "float", "timestamp"):
        raise unsafe(tag)
    if name == "str":
        return text
    if name == "timestamp":
        return _fitting(text, _DATE.fullmatch(text) is not None, name)
    value = plain(text)
    return _fitting(
        float(value) if name == "float" and _is_integer(value) else value, _fits(name, value), name
    )


def unsafe(tag: str) -> BadScalarError:
    """Return the error for a tag that is none of YAML's plain ones."""
    short = tag.replace(_TAG, "!!")[:64]
    hint = "remove the tag: a document holds texts, numbers, booleans, lists and mappings"
    return BadScalarError(Finding("unsafe-tag", f"the tag {short} is not allowed", hint))


def _fits(name: str, value: Any) -> bool:
    if name == "null":
        return value is None
    if name == "bool":
        return isinstance(value, bool)
    return _is_integer(value) or (name == "float" and isinstance(value, float))


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _fitting(value: Any, fits: bool, name: str) -> Any:
    if not fits:
        raise BadScalarError(Finding("yaml-syntax", f"the value does not fit its tag !!{name}"))
    return value


def _integer(text: str) -> int:
    # Digits are counted first: a conversion of a million of them takes seconds.
    number = int(text, _BASES.get(text[:2], 10)) if len(text) <= 24 else MAX_INTEGER + 1
    if not MIN_INTEGER <= number <= MAX_INTEGER:
        raise _bad_number("an integer must fit in 64 bits")
    return number


def _float(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise _bad_number("the number is too large")
    return number


def _bad_number(message: str) -> BadScalarError:
    return BadScalarError(Finding("bad-number", message, "quote it if it is meant as text"))
