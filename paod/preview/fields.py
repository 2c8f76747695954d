"""What became of a form's fields, for those who fill it in. Fields are known by their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from paod.finding import Path
from paod.preview.effect import Effect, Pair
from paod.preview.limits import limit_effects
from paod.rules.reading import fields_of

Field = Mapping[str, Any]

_SAME = frozenset({("int", "integer"), ("integer", "int")})
_WIDER = frozenset(
    {
        *(("string", "textarea"), ("textarea", "string")),
        *(("integer", "number"), ("int", "number"), ("percentage", "number")),
    }
)
"""Changes of type after which all that was accepted is accepted still."""
_OPTIONS = ("oneof", "options")
_MOMENTS = ("date", "datetime", "time")


def field_effects(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Effect]:
    """Yield what is otherwise for who fills in the form of the newer document."""
    old = {field["name"]: (path, field) for path, field in fields_of(before)}
    new = {field["name"]: (path, field) for path, field in fields_of(after)}
    for name, (path, field) in new.items():
        if name in old:
            former, former_field = old[name]
            yield from _compare(Pair(name, former_field, field, former, path))
        else:
            yield _added(name, path, field)
    for name, (path, field) in old.items():
        if name not in new:
            message = f"the field '{name}' is gone: orders that fill it in are refused"
            yield Effect("field-removed", True, message, path, before=field)


def _added(name: str, path: Path, field: Field) -> Effect:
    if not _demanded(field):
        message = f"the field '{name}' is new and may be left out"
        return Effect("field-added", False, message, path, after=field)
    when = " while its condition holds" if "conditional" in field else ""
    message = f"the field '{name}' is new and required{when}: orders without it are refused"
    return Effect("required-field-added", True, message, path, after=field)


def _compare(pair: Pair) -> Iterator[Effect]:
    types = (str(pair.before.get("type")), pair.type)
    if types[0] != types[1] and types not in _SAME:
        wider = types in _WIDER
        code = "type-widened" if wider else "type-changed"
        end = (
            "it takes all that it took" if wider else "orders that fill it in as before are refused"
        )
        message = f"'{pair.name}' was of type {types[0]} and is of type {types[1]}: {end}"
        yield pair.effect(code, "type", message, breaking=not wider)
        if not wider:
            return
    yield from _demand(pair)
    yield from _default(pair)
    yield from _switches(pair)
    yield from _condition(pair)
    yield from _options(pair)
    yield from limit_effects(pair)
    yield from _texts(pair)
    yield from _zone(pair)


def _demanded(field: Field) -> bool:
    """Say whether an order must name a value."""
    return field.get("required") is True and _default_of(field) is None


def _default_of(field: Field) -> Any:
    """Return the default, None where there is none: an empty text or choice is none either."""
    default = field.get("default")
    return None if default == "" or default == [] else default


def _demand(pair: Pair) -> Iterator[Effect]:
    before, after = _demanded(pair.before), _demanded(pair.after)
    key = "required" if pair.differs("required") else "default"
    if after and not before:
        message = f"'{pair.name}' is required now: orders that leave it out are refused"
        yield pair.effect("field-required", key, message, breaking=True)
    elif before and not after:
        message = f"'{pair.name}' may be left out now"
        yield pair.effect("field-optional", key, message, breaking=False)


def _default(pair: Pair) -> Iterator[Effect]:
    before, after = _default_of(pair.before), _default_of(pair.after)
    same = before == after and isinstance(before, bool) == isinstance(after, bool)
    if same or _demanded(pair.before) or _demanded(pair.after):
        return
    message = (
        f"the default of '{pair.name}' is another: orders that leave it out get something else"
    )
    yield pair.effect("default-changed", "default", message, breaking=True)


def _switches(pair: Pair) -> Iterator[Effect]:
    if _turned_on(pair, "readonly"):
        message = f"'{pair.name}' is read-only now: orders with a value of their own are refused"
        yield pair.effect("field-readonly", "readonly", message, breaking=True)
    if _turned_on(pair, "hidden"):
        message = f"'{pair.name}' is hidden now: a portal does not ask for it"
        yield pair.effect("field-hidden", "hidden", message, breaking=_demanded(pair.after))


def _turned_on(pair: Pair, key: str) -> bool:
    return pair.after.get(key) is True and pair.before.get(key) is not True


def _condition(pair: Pair) -> Iterator[Effect]:
    """Say what a condition changes: one that is new lets fewer be asked, others may ask more."""
    if not pair.differs("conditional"):
        return
    more = "conditional" in pair.before and _demanded(pair.after)
    end = "orders that were not asked for it may be" if more else "others may be asked for it"
    message = f"when '{pair.name}' is asked for has changed: {end}"
    yield pair.effect("condition-changed", "conditional", message, breaking=more)


def _options(pair: Pair) -> Iterator[Effect]:
    for key in _OPTIONS:
        if key not in pair.after or key not in pair.before:
            continue
        old, new = pair.before[key], pair.after[key]
        gone, come = _without(old, new), _without(new, old)
        if gone:
            free = pair.after.get("allow_custom") is True
            end = "accepted still, as a value of their own" if free else "refused"
            message = f"'{pair.name}' lost {_counted(gone)}: orders that name it are {end}"
            yield pair.effect("option-removed", key, message, breaking=not free)
        if come:
            message = f"'{pair.name}' has {_counted(come)} more"
            yield pair.effect("option-added", key, message, breaking=False)
    if pair.before.get("allow_custom") is True and pair.after.get("allow_custom") is not True:
        message = f"'{pair.name}' takes its options alone now: other values are refused"
        yield pair.effect("custom-refused", "allow_custom", message, breaking=True)


def _without(options: list[Any], others: list[Any]) -> list[Any]:
    """Return the options that the others lack; ``1`` and ``"1"`` are two."""
    known = {(type(one) is str, one) for one in others}
    return [one for one in options if (type(one) is str, one) not in known]


def _counted(options: list[Any]) -> str:
    return "an option" if len(options) == 1 else f"{len(options)} options"


def _texts(pair: Pair) -> Iterator[Effect]:
    """Compare what texts must look like. Whether one pattern holds another, nobody can tell."""
    keys = ("regexp",) if pair.type in _MOMENTS else ("regexp", "format")
    for key in keys:
        if not pair.differs(key):
            continue
        if key not in pair.after:
            message = f"'{key}' of '{pair.name}' is gone: more texts are accepted"
            yield pair.effect(f"{key}-removed", key, message, breaking=False)
        else:
            message = (
                f"'{key}' of '{pair.name}' is another: texts that were accepted may be refused"
            )
            yield pair.effect(f"{key}-changed", key, message, breaking=True)


def _zone(pair: Pair) -> Iterator[Effect]:
    zones = [field.get("timezone") or "UTC" for field in (pair.before, pair.after)]
    if pair.type in _MOMENTS and zones[0] != zones[1]:
        message = f"the time zone of '{pair.name}' is another: the same value is another moment"
        yield pair.effect("timezone-changed", "timezone", message, breaking=True)
