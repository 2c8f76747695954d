"""Whether a field accepts a value: the one answer for defaults, conditions and what users send."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from math import isfinite
from typing import Any

from paod.rules import moments, patterns
from paod.rules.formats import FORMATS
from paod.rules.reading import is_number, number, text

Field = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a field does not accept a value. ``message`` goes on after the value's name."""

    code: str
    message: str


def faults(field: Field, value: Any, now: datetime | None = None) -> Iterator[Fault]:
    """Yield why a field does not accept a value; nothing where it does.

    ``now`` gives relative limits (``today+30d``) their meaning; without it they are not checked.
    A field of no known type accepts anything.
    """
    check = _CHECKS.get(text(field, "type") or "")
    if check is not None:
        yield from check(field, value, now)


def acceptor(field: Field) -> Callable[[Any], bool]:
    """Return what tells whether a field accepts a value, for who asks of many.

    The options of a field that is chosen from are gathered once, and not for each value.
    """
    kind = text(field, "type")
    if kind == "selection" and field.get("allow_custom") is not True:
        options = _options(field, "oneof")
        return lambda value: _is_option(value) and value in options
    if kind == "multiselect":
        options = _options(field, "options")
        return lambda value: not any(_multiselect(field, value, None, options))
    return lambda value: not any(faults(field, value))


def _text(field: Field, value: Any, now: datetime | None) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield Fault("wrong-type", "must be a text")
        return
    shortest, longest = number(field, "min_length"), number(field, "max_length")
    if shortest is not None and len(value) < shortest:
        yield Fault("bad-value", f"must have at least {shortest} characters")
    if longest is not None and len(value) > longest:
        yield Fault("bad-value", f"must have at most {longest} characters")
        return  # nor is it worth a search of any length
    pattern = text(field, "regexp")
    if pattern is not None and not patterns.accepts(pattern, value):
        yield Fault("bad-value", "must match the field's regexp")
    called, fits = FORMATS.get(text(field, "format") or "", ("", None))
    if fits is not None and not fits(value):
        yield Fault("bad-value", f"must be {called}")


def _number(field: Field, value: Any, now: datetime | None) -> Iterator[Fault]:
    if not is_number(value) or not isfinite(value):
        yield Fault("wrong-type", "must be a number")
        return
    lowest, highest = bounds(field)
    if lowest is not None and value < lowest:
        yield Fault("bad-value", f"must be at least {lowest}")
    if highest is not None and value > highest:
        yield Fault("bad-value", f"must be at most {highest}")
    step, places = number(field, "step"), number(field, "precision")
    if step is not None and step > 0 and not _on_step(value, lowest or 0, step):
        yield Fault("bad-value", f"must be a multiple of {step} from {lowest or 0}")
    if places is not None and (_exact(value) * 10 ** int(places)).denominator != 1:
        yield Fault("bad-value", f"must have at most {places} decimals")


def bounds(field: Field) -> tuple[int | float | None, int | float | None]:
    """Return a number field's lowest and highest value; a percentage lies in 0 to 100 by itself."""
    lowest, highest = number(field, "min_value"), number(field, "max_value")
    if text(field, "type") != "percentage":
        return lowest, highest
    return (0 if lowest is None else lowest), (100 if highest is None else highest)


def _integer(field: Field, value: Any, now: datetime | None) -> Iterator[Fault]:
    if not is_number(value) or not isfinite(value) or value != int(value):
        yield Fault("wrong-type", "must be a whole number")
        return
    yield from _number(field, value, now)


def _on_step(value: float, start: float, step: float) -> bool:
    return (_exact(value) - _exact(start)) % _exact(step) == 0


def _exact(value: float) -> Fraction:
    """Return a number as it is written: 0.1 is a tenth here, and not what a float makes of it."""
    return Fraction(value if isinstance(value, int) else str(value))


def _boolean(field: Field, value: Any, now: datetime | None) -> Iterator[Fault]:
    if not isinstance(value, bool):
        yield Fault("wrong-type", "must be true or false")


def _moment(field: Field, value: Any, now: datetime | None) -> Iterator[Fault]:
    kind = field["type"]
    zone = text(field, "timezone")
    if not isinstance(value, str):
        yield Fault("wrong-type", f"must be a {kind} written as a text")
        return
    if moments.parse(kind, value, zone) is None:
        yield Fault("bad-value", f"must be a {kind} such as {_EXAMPLES[kind]}")
        return
    yield from limit_faults(field, value, now)


def limit_faults(field: Field, value: str, now: datetime | None = None) -> Iterator[Fault]:
    """Yield why a date or time, fixed or relative, lies outside the limits of its field."""
    kind, zone = field["type"], text(field, "timezone")
    lowest, highest = text(field, f"min_{kind}"), text(field, f"max_{kind}")
    if lowest is not None and moments.is_after(kind, lowest, value, zone, now):
        yield Fault("bad-value", f"must not be before {lowest}")
    if highest is not None and moments.is_after(kind, value, highest, zone, now):
        yield Fault("bad-value", f"must not be after {highest}")


_EXAMPLES = {"date": "2026-03-31", "datetime": "2026-03-31T14:30:00Z", "time": "14:30"}


def _selection(field: Field, value: Any, now: datetime | None) -> Iterator[Fault]:
    options = _options(field, "oneof")
    if not _is_option(value):
        yield Fault("wrong-type", "must be one of the options")
    elif field.get("allow_custom") is not True and value not in options:
        yield Fault("bad-value", "must be one of the options")


def _multiselect(
    field: Field, value: Any, now: datetime | None, options: frozenset[Any] | None = None
) -> Iterator[Fault]:
    if not isinstance(value, list):
        yield Fault("wrong-type", "must be a list of options")
        return
    options = _options(field, "options") if options is None else options
    if not all(_is_option(entry) and entry in options for entry in value):
        yield Fault("bad-value", "must hold nothing but options")
    elif len(set(value)) < len(value):
        yield Fault("bad-value", "must not hold an option twice")
    fewest, most = number(field, "min_selections"), number(field, "max_selections")
    if fewest is not None and len(value) < fewest:
        yield Fault("bad-value", f"must hold at least {fewest} options")
    if most is not None and len(value) > most:
        yield Fault("bad-value", f"must hold at most {most} options")


def _options(field: Field, key: str) -> frozenset[Any]:
    options = field.get(key)
    return frozenset(filter(_is_option, options if isinstance(options, list) else ()))


def _is_option(value: Any) -> bool:
    return isinstance(value, str) or is_number(value)


_CHECKS: dict[str, Callable[[Field, Any, datetime | None], Iterator[Fault]]] = {
    "string": _text,
    "textarea": _text,
    "integer": _integer,
    "int": _integer,
    "number": _number,
    "percentage": _number,
    "boolean": _boolean,
    "date": _moment,
    "datetime": _moment,
    "time": _moment,
    "selection": _selection,
    "multiselect": _multiselect,
}
