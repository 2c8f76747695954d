"""Limits of a field that fit each other, and limits that are real dates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from paod.finding import Finding, Path
from paod.rules import moments
from paod.rules.reading import number, text
from paod.rules.values import bounds

_PAIRS = (
    ("min_length", "max_length"),
    ("min_value", "max_value"),
    ("min_selections", "max_selections"),
)
_NUMBERS = ("integer", "int", "number", "percentage")
_MOMENTS = ("date", "datetime", "time")


def check_limits(path: Path, field: dict[str, Any]) -> Iterator[Finding]:
    """Find limits of a field that contradict each other (``bad-range``) or are no dates."""
    for low, high in _PAIRS:
        if low not in field or high not in field:
            continue
        lowest, highest = number(field, low), number(field, high)
        if lowest is not None and highest is not None and lowest > highest:
            yield _bad_range(f"{low} {lowest} is above {high} {highest}", (*path, high))
    kind = field.get("type")
    if kind in _NUMBERS:
        yield from _numbers(path, field)
    elif kind == "multiselect":
        yield from _options(path, field)
    elif kind in _MOMENTS:
        yield from _moment_limits(path, field, str(kind))


def _bad_range(message: str, path: Path) -> Finding:
    return Finding("bad-range", message, "change one of them so that a value fits both", path)


def _numbers(path: Path, field: dict[str, Any]) -> Iterator[Finding]:
    step = number(field, "step")
    if step is not None and step <= 0:
        yield Finding(
            "bad-range", f"step {step} is not above 0", "use a step such as 1", (*path, "step")
        )
    if field.get("type") != "percentage":
        return
    for key, value in zip(("min_value", "max_value"), bounds(field), strict=True):
        if value is not None and not 0 <= value <= 100:
            message = f"{key} {value} of a percentage lies outside 0 to 100"
            yield Finding("bad-range", message, "use the type 'number'", (*path, key))


def _options(path: Path, field: dict[str, Any]) -> Iterator[Finding]:
    options, fewest = field.get("options"), number(field, "min_selections")
    if isinstance(options, list) and fewest is not None and fewest > len(options):
        message = f"min_selections {fewest} is above the number of options, {len(options)}"
        yield _bad_range(message, (*path, "min_selections"))


def _moment_limits(path: Path, field: dict[str, Any], kind: str) -> Iterator[Finding]:
    low, high = f"min_{kind}", f"max_{kind}"
    zone = text(field, "timezone")
    for key in (low, high):
        value = text(field, key)
        if value is not None and not _is_limit(kind, value):
            message = f"'{key}' is no {kind} that the calendar knows"
            yield Finding("bad-value", message, "mend the day or the hour", (*path, key))
    lowest, highest = text(field, low), text(field, high)
    if lowest and highest and moments.is_after(kind, lowest, highest, zone):
        yield _bad_range(f"{low} lies after {high}", (*path, high))


def _is_limit(kind: str, value: str) -> bool:
    return moments.is_relative(value) or moments.parse(kind, value) is not None
