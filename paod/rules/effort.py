"""How much work the verdict on a document takes, counted before any of it is done.

A function of the document alone: what stands in it several times is counted once, as the program
keeps what it made of a text, and no cache, clock or library has a say.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paod.model import limits
from paod.rules.patterns import size_of
from paod.rules.reading import fields_of, mapping, parts, text
from paod.rules.templates import code_of, templates_of


def effort(document: Mapping[str, Any], nodes: int, size: int) -> int:
    """Return how many units of work a document takes; ``size``: its bytes, ``nodes``: its values.

    See ``limits``: a unit is about a microsecond. ``nodes`` counts what aliases stand for.
    """
    units = limits.UNITS_A_DOCUMENT + size // limits.BYTES_A_UNIT
    units += limits.UNITS_A_NODE * nodes
    return units + _templates(document) + _ranges(document) + _patterns(document)


def _templates(document: Mapping[str, Any]) -> int:
    texts = {found for _, found in templates_of(document)}
    code = (code_of(found) for found in texts if len(found) <= limits.TEMPLATE_CHARACTERS)
    return sum(limits.UNITS_A_CODE_CHARACTER * min(one, limits.TEMPLATE_CODE) for one in code)


def _ranges(document: Mapping[str, Any]) -> int:
    lists = (parts(document, "bundle", key) for key in ("required_items", "optional_items"))
    found = {text(part, "version") or "" for one in lists for _, part in one}
    return sum(
        limits.UNITS_A_COMPARATOR * min(one.count(",") + 1, limits.RANGE_PARTS) for one in found
    )


def _patterns(document: Mapping[str, Any]) -> int:
    """Count each regexp's making, and its search in defaults and in the values of conditions."""
    fields = [field for _, field in fields_of(document)]
    sizes = {
        name: _run(pattern)
        for field in fields
        if (pattern := text(field, "regexp")) is not None
        and (name := text(field, "name")) is not None
    }
    programs = {text(field, "regexp") or "" for field in fields} - {""}
    made = sum(map(_run, programs))
    searched = sum(
        sizes.get(name, 0) * _characters(value)
        for field in fields
        for name, value in _searches(field)
    )
    return limits.UNITS_AN_INSTRUCTION * made + searched // limits.STEPS_A_UNIT


def _run(pattern: str) -> int:
    """Return the size of a program that is made: one over the limit never is."""
    size = size_of(pattern)
    return size if size <= limits.REGEXP_PROGRAM else 0


def _searches(field: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return each value that is held against a regexp because of a field, with that one's field."""
    condition = mapping(field.get("conditional"))
    goal, name = text(condition, "field"), text(field, "name")
    return [(goal or "", condition.get("value")), (name or "", field.get("default"))]


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    return sum(len(one) for one in value if isinstance(one, str)) if isinstance(value, list) else 0
