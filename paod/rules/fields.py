"""What a form's fields mean together: their names, patterns, limits, defaults and conditions."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from paod.finding import Finding, Near, Path, shown
from paod.rules import moments, patterns
from paod.rules.circles import circles, way
from paod.rules.limits import check_limits
from paod.rules.reading import Part, fields_of, mapping, text, texts
from paod.rules.values import acceptor, faults, limit_faults

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{1,17})?")
_NUMBERS = frozenset({"integer", "int", "number", "percentage"})
_OPTIONS = {"selection": "oneof", "multiselect": "options"}
"""The key that holds what a field is chosen from."""


def check_fields(document: Mapping[str, Any]) -> Iterator[Finding]:
    """Find what is wrong with the fields of a document, beyond their shape."""
    fields = fields_of(document)
    yield from _duplicates(fields)
    for path, field in fields:
        yield from _pattern(path, field)
        yield from check_limits(path, field)
        yield from _default(path, field)
    if any("conditional" in field for _, field in fields):
        yield from _conditions(fields)


def names_of(fields: list[Part]) -> list[str]:
    """Return the names that fields declare."""
    return [name for _, field in fields if (name := text(field, "name")) is not None]


def _duplicates(fields: list[Part]) -> Iterator[Finding]:
    seen: set[str] = set()
    for path, field in fields:
        name = text(field, "name")
        if name in seen:
            message = f"a field named {shown(name)} stands there before"
            yield Finding("duplicate-field", message, "rename one of them", (*path, "name"))
        if name is not None:
            seen.add(name)


def _pattern(path: Path, field: dict[str, Any]) -> Iterator[Finding]:
    pattern = text(field, "regexp")
    reason = patterns.fault_of(pattern) if pattern is not None else ""
    if reason:
        message = f"the regexp is not one of RE2: {reason}"
        yield Finding("bad-regexp", message, _pattern_hint(reason), (*path, "regexp"))


def _pattern_hint(reason: str) -> str:
    if "large" in reason:
        return "repeat without a count, such as +, and set max_length"
    return "RE2 has no look-around and no back-references, and repeats at most 1000 times"


def _default(path: Path, field: dict[str, Any]) -> Iterator[Finding]:
    value = field.get("default")
    if value is None or not _has_options(field):
        return
    relative = _is_relative_default(field, value)
    for fault in limit_faults(field, value) if relative else faults(field, value):
        message = f"the field itself would refuse its default: it {fault.message}"
        yield Finding("bad-default", message, _default_hint(field, value), (*path, "default"))


def _has_options(field: dict[str, Any]) -> bool:
    """Say whether a field that is chosen from has what to choose from: else that is told of it."""
    key = _OPTIONS.get(text(field, "type") or "")
    return key is None or isinstance(field.get(key), list)


def _default_hint(field: dict[str, Any], value: Any) -> str | Near:
    if (bare := _unquoted(field, value)) is not None:
        return f"write {bare}, without quotes"
    if isinstance(value, bool | int | float) and field.get("type") in ("string", "textarea"):
        return f"quote it: {json.dumps(json.dumps(value))}"
    otherwise = "change the default, or what the field accepts"
    options = texts(field, _OPTIONS.get(text(field, "type") or "", ""))
    return Near(str(value)[:64], [option for _, option in options], otherwise)


def _unquoted(field: dict[str, Any], value: Any) -> str | None:
    """Return a text as the field takes it, where it only has quotes too many."""
    if not isinstance(value, str):
        return None
    if field.get("type") == "boolean":
        return value if value in ("true", "false") else None
    is_number = _NUMBER.fullmatch(value) is not None and field.get("type") in _NUMBERS
    bare = json.loads(value) if is_number else None
    return value if is_number and not any(faults(field, bare)) else None


def _is_relative_default(field: dict[str, Any], value: Any) -> bool:
    takes_one = field.get("type") in ("date", "datetime")
    return takes_one and isinstance(value, str) and moments.is_relative(value)


def _conditions(fields: list[Part]) -> Iterator[Finding]:
    by_name = {name: field for _, field in fields if (name := text(field, "name")) is not None}
    goals = {name: _goal(field) for name, field in by_name.items()}
    asked = {_goal(field) for _, field in fields}  # also of fields that share a name, or have none
    takes = {name: _acceptor(field) for name, field in by_name.items() if name in asked}
    for path, field in fields:
        yield from _condition(path, field, by_name, takes)
    inside = {
        circle[0]: circle for circle in circles({n: [g] if g else [] for n, g in goals.items()})
    }
    for path, field in fields:
        circle = inside.pop(text(field, "name") or "", None)
        if circle is not None:
            message = f"the conditions lead in a circle: {way(circle)}"
            hint = "let one of the fields be shown without a condition"
            yield Finding("circular-dependency", message, hint, (*path, "conditional", "field"))


def _goal(field: dict[str, Any]) -> str | None:
    return text(mapping(field, "conditional"), "field")


def _condition(
    path: Path,
    field: dict[str, Any],
    by_name: Mapping[str, dict[str, Any]],
    takes: Mapping[str, Callable[[Any], bool]],
) -> Iterator[Finding]:
    goal = _goal(field)
    if goal is None:
        return
    if goal not in by_name:
        message = f"there is no field {shown(goal)}"
        near = Near(goal, by_name, "name a field of this document", but=text(field, "name"))
        yield Finding("unknown-reference", message, near, (*path, "conditional", "field"))
        return
    if not _can_hold(takes[goal], mapping(field, "conditional").get("value")):
        message = f"the condition never holds: {shown(goal)} does not accept that value"
        hint = f"give a value that {shown(goal)} accepts, or a list of such values"
        yield Finding("bad-value", message, hint, (*path, "conditional", "value"))


def _acceptor(field: dict[str, Any]) -> Callable[[Any], bool]:
    """Return what tells whether a field could have one value of a condition."""
    if field.get("type") != "multiselect":
        return acceptor(field)
    takes = acceptor({"type": "multiselect", "options": field.get("options")})
    return lambda value: takes([value])


def _can_hold(takes: Callable[[Any], bool], value: Any) -> bool:
    """Return whether a field could have a condition's value, or one of its values."""
    wanted = value if isinstance(value, list) else [value]
    return value is None or any(takes(one) for one in wanted)
