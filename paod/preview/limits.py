"""Limits of a field that became narrower or wider, by what the field accepts and not as written.

A percentage lies in 0 to 100 by itself, an empty text or choice is no value at all, an integer has
a step of one: a limit that says no more than that narrows nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from math import inf
from typing import Any

from paod.preview.effect import Effect, Pair
from paod.rules import moments
from paod.rules.reading import number, text
from paod.rules.values import bounds

Field = Mapping[str, Any]
Span = tuple[int | float, int | float]

_WHOLE = ("integer", "int")
_NUMBERS = (*_WHOLE, "number", "percentage")
_MOMENTS = ("date", "datetime", "time")


def limit_effects(pair: Pair) -> Iterator[Effect]:
    """Yield what became of the limits of a field whose type takes the same values as before."""
    kind = pair.type
    if kind in ("string", "textarea"):
        yield from _spans(pair, "min_length", "max_length", _lengths)
    elif kind == "multiselect":
        yield from _spans(pair, "min_selections", "max_selections", _selections)
    elif kind in _NUMBERS:
        yield from _spans(pair, "min_value", "max_value", _values)
        yield from _steps(pair)
        yield from _precision(pair)
    elif kind in _MOMENTS:
        yield from _moments(pair, kind)


def _lengths(field: Field) -> Span:
    return max(number(field, "min_length") or 0, 1), _or_inf(number(field, "max_length"))


def _selections(field: Field) -> Span:
    fewest, most = number(field, "min_selections"), number(field, "max_selections")
    return max(fewest or 0, 1), len(field["options"]) if most is None else most


def _values(field: Field) -> Span:
    lowest, highest = bounds(field)
    return -inf if lowest is None else lowest, _or_inf(highest)


def _or_inf(value: int | float | None) -> int | float:
    return inf if value is None else value


def _spans(pair: Pair, low: str, high: str, span: Callable[[Field], Span]) -> Iterator[Effect]:
    for key, old, new in zip((low, high), span(pair.before), span(pair.after), strict=True):
        if pair.differs(key) and new != old:
            yield _range(pair, key, narrower=(new > old) == (key == low))


def _range(pair: Pair, key: str, *, narrower: bool, why: str = "") -> Effect:
    if narrower:
        message = f"'{key}' of '{pair.name}' is tighter{why}: values that were accepted are refused"
        return pair.effect("range-narrowed", key, message, breaking=True)
    message = f"'{key}' of '{pair.name}' is looser: more values are accepted"
    return pair.effect("range-widened", key, message, breaking=False)


def _steps(pair: Pair) -> Iterator[Effect]:
    """Compare the grids that values must lie on: one that holds the other refuses nothing."""
    old, new = _grid(pair.before), _grid(pair.after)
    if old == new:
        return
    if new is None:
        if pair.differs("step"):
            yield _range(pair, "step", narrower=False)
    elif old is None or old[1] % new[1] or (old[0] - new[0]) % new[1]:
        yield _range(pair, "step", narrower=True)
    elif old[1] != new[1]:
        yield _range(pair, "step", narrower=False)


def _grid(field: Field) -> tuple[Fraction, Fraction] | None:
    """Return where the steps begin and how long they are, None where any value is on one."""
    step = number(field, "step")
    if step is None:
        return (Fraction(), Fraction(1)) if field.get("type") in _WHOLE else None
    return _exact(bounds(field)[0] or 0), _exact(step)


def _exact(value: int | float) -> Fraction:
    return Fraction(str(value))


def _precision(pair: Pair) -> Iterator[Effect]:
    old, new = (
        0 if field.get("type") in _WHOLE else _or_inf(number(field, "precision"))
        for field in (pair.before, pair.after)
    )
    if pair.type not in _WHOLE and old != new and pair.differs("precision"):
        yield _range(pair, "precision", narrower=new < old)


def _moments(pair: Pair, kind: str) -> Iterator[Effect]:
    for key in (f"min_{kind}", f"max_{kind}"):
        old, new = text(pair.before, key), text(pair.after, key)
        if old == new:
            continue
        if old is None or new is None:
            yield _range(pair, key, narrower=new is not None)
            continue
        zone = text(pair.after, "timezone")
        later, sooner = (
            moments.is_after(kind, new, old, zone),
            moments.is_after(kind, old, new, zone),
        )
        why = "" if later or sooner else ", or may be"
        yield _range(
            pair, key, narrower=not sooner if key.startswith("min") else not later, why=why
        )
