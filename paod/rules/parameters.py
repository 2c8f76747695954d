"""Whether an order's parameters fit the form of an item: what a portal asks before it submits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from paod.finding import nearest, shown
from paod.rules.reading import fields_of, mapping, text
from paod.rules.values import faults

Error = dict[str, str]


def check_parameters(
    document: Mapping[str, Any], parameters: Mapping[str, Any], now: datetime | None = None
) -> list[Error]:
    """Return what is wrong with the parameters of an order, field by field; nothing: it is valid.

    ``document`` is a good document's content. Each error has ``field``, ``code`` (``missing-key``,
    ``wrong-type``, ``bad-value`` or ``unknown-key``) and ``message``. A field whose condition does
    not hold is not asked for, and what is sent for it is not looked at. ``now`` gives relative
    dates their meaning, default the present moment.
    """
    moment = now or datetime.now(UTC)
    fields = [field for _, field in fields_of(document)]
    by_name = {field["name"]: field for field in fields}
    errors = [_unknown(name, by_name) for name in parameters if name not in by_name]
    for field in fields:
        if _is_asked(field, by_name, parameters):
            errors.extend(_field_errors(field, parameters, moment))
    return errors


def _unknown(name: str, by_name: Mapping[str, Any]) -> Error:
    hint = nearest(name, by_name)
    message = f"there is no field {shown(name)}"
    return _error(name[:63], "unknown-key", f"{message}, {hint}" if hint else message)


def _field_errors(
    field: Mapping[str, Any], parameters: Mapping[str, Any], now: datetime
) -> Iterator[Error]:
    name = field["name"]
    value = parameters.get(name)
    if _is_absent(value):
        if field.get("required") is True and _is_absent(field.get("default")):
            yield _error(name, "missing-key", f"'{name}' is required")
        return
    if field.get("readonly") is True and value != field.get("default"):
        yield _error(name, "bad-value", f"'{name}' is read-only")
        return
    for fault in faults(field, value, now):
        yield _error(name, fault.code, f"'{name}' {fault.message}")


def _is_absent(value: Any) -> bool:
    """Say whether nothing was given: an empty text and an empty choice are nothing too."""
    return value is None or value == "" or value == []


def _is_asked(
    field: Mapping[str, Any],
    by_name: Mapping[str, Mapping[str, Any]],
    parameters: Mapping[str, Any],
) -> bool:
    """Say whether a field's condition holds, and those of the fields that it leads to."""
    for _ in by_name:
        condition = mapping(field.get("conditional"))
        goal = by_name.get(text(condition, "field") or "")
        if goal is None:
            return True
        if not _holds(condition.get("value"), parameters.get(goal["name"], goal.get("default"))):
            return False
        field = goal
    return True


def _holds(wanted: Any, given: Any) -> bool:
    """Say whether a field has the value, or one of the values, that a condition names."""
    choices = wanted if isinstance(wanted, list) else [wanted]
    values = given if isinstance(given, list) else [given]
    return any(_same(one, other) for one in choices for other in values)


def _same(one: Any, other: Any) -> bool:
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _error(field: str, code: str, message: str) -> Error:
    return {"field": field, "code": code, "message": message}
