"""Whether an order's parameters fit the form of an item: what a portal asks before it submits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain, islice
from typing import Any

from paod.finding import nearest, shown
from paod.model.limits import HINTS, ORDER_ERRORS
from paod.rules.reading import fields_of, mapping, text
from paod.rules.values import faults

Error = dict[str, str]


def check_parameters(
    document: Mapping[str, Any], parameters: Mapping[str, Any], now: datetime | None = None
) -> list[Error]:
    """Return what is wrong with the parameters of an order, field by field; nothing: it is valid.

    ``document`` is a good document's content. Each error has ``field``, ``code`` (``missing-key``,
    ``wrong-type``, ``bad-value`` or ``unknown-key``) and ``message``; at most 50 are told. A field
    whose condition does not hold is not asked for, and what is sent for it is not looked at.
    ``now`` gives relative dates their meaning, default the present moment.
    """
    moment = now or datetime.now(UTC)
    fields = [field for _, field in fields_of(document)]
    by_name = {field["name"]: field for field in fields}
    asked = _asked(by_name, parameters)
    unknown = (name for name in parameters if name not in by_name)
    errors = chain(
        (_unknown(name, by_name, number < HINTS) for number, name in enumerate(unknown)),
        *(_field_errors(field, parameters, moment) for field in fields if asked[field["name"]]),
    )
    return list(islice(errors, ORDER_ERRORS))


def _unknown(name: str, by_name: Mapping[str, Any], searches: bool) -> Error:
    hint = nearest(name, by_name) if searches else ""
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


def _asked(
    by_name: Mapping[str, Mapping[str, Any]], parameters: Mapping[str, Any]
) -> dict[str, bool]:
    """Return of each field whether its condition holds, and those of the fields that it leads to.

    Each field is looked at once, however long the chains are. A circle holds.
    """
    asked: dict[str, bool] = {}
    for name in by_name:
        line: list[str] = []
        goal: str | None = name
        while goal is not None and goal not in asked:
            asked[goal] = True
            line.append(goal)
            goal = _leads_to(by_name, goal)
        for one in reversed(line):
            asked[one] = _is_asked(one, by_name, parameters, asked)
    return asked


def _leads_to(by_name: Mapping[str, Mapping[str, Any]], name: str) -> str | None:
    goal = text(mapping(by_name[name].get("conditional")), "field")
    return goal if goal in by_name else None


def _is_asked(
    name: str,
    by_name: Mapping[str, Mapping[str, Any]],
    parameters: Mapping[str, Any],
    asked: Mapping[str, bool],
) -> bool:
    goal = _leads_to(by_name, name)
    if goal is None:
        return True
    wanted = mapping(by_name[name].get("conditional")).get("value")
    given = parameters.get(goal, by_name[goal].get("default"))
    return asked[goal] and _holds(wanted, given)


def _holds(wanted: Any, given: Any) -> bool:
    """Return whether a field has the value, or one of the values, that a condition names."""
    choices = wanted if isinstance(wanted, list) else [wanted]
    values = given if isinstance(given, list) else [given]
    return not _plain(choices).isdisjoint(_plain(values))


def _plain(values: list[Any]) -> set[tuple[bool, Any]]:
    """Return values so that 1 and 1.0 are the same, and 1 and true are not.

    Lists and mappings are no values of a field.
    """
    return {(isinstance(one, bool), one) for one in values if not isinstance(one, list | dict)}


def _error(field: str, code: str, message: str) -> Error:
    return {"field": field, "code": code, "message": message}
