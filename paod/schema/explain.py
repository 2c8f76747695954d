"""What Cerberus found, in the words of paod's problems: a code, a sentence, how to mend it.

Never quotes a value beyond a short name: what stands in a catalog may be a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from cerberus import errors
from cerberus.errors import ValidationError

from paod.finding import NO_VALUE_HINT, Finding, Near, Path, shown
from paod.model.limits import RANGE_PARTS
from paod.paths import kebab
from paod.schema.cerberus_check import CHOICE, FORM, UNIQUE, errors_of
from paod.schema.forms import FORMS
from paod.schema.hints import key_hint, letter_hint, lines_for, type_hint, version_hint
from paod.schema.slips import is_meant, keys_at, rules_at, slip_of, value_at
from paod.schema.source import DOCUMENTS, VARIANTS

_CALLED = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "list": "a list",
    "dict": "a mapping",
}
_MOST_SLIPS = 20
"""Keys that are missing for which a misspelt one is looked for, at most."""
_UNQUOTED = shown(" ")


def explain(kind: str, value: dict[str, Any]) -> Iterator[Finding]:
    """Yield everything that Cerberus finds wrong with a document's shape.

    A key that is missing because it is misspelt is one finding, at the key that stands there.
    """
    if kind == "item" and "fulfillment" not in value and is_meant("bundle", value):
        kind = "bundle"
    found = errors_of(kind, value)
    missing = [error for error in found if _is_missing(error)]
    slips = {
        (*error.document_path[:-1], slip): error
        for error in missing[:_MOST_SLIPS]
        if (slip := slip_of(kind, value, error.document_path)) is not None
    }
    told = {id(error) for error in slips.values()}
    lacking: dict[Path, list[str]] = {}
    for error in missing:
        if id(error) not in told:
            lacking.setdefault(error.document_path[:-1], []).append(str(error.document_path[-1]))
    for path, keys in lacking.items():
        yield _missing(kind, value, path, keys)
    for error in found:
        if not _is_missing(error) and error.document_path not in slips:
            yield _finding(kind, value, error)
    for path, error in slips.items():
        yield _misspelt(path, error.document_path)


def _misspelt(path: Path, meant: Path) -> Finding:
    where = f" in '{_owner(meant)}'" if _owner(meant) else ""
    message = f"'{meant[-1]}' is missing{where}, where {shown(path[-1])} stands"
    hint = letter_hint(str(path[-1])) or f"did you mean '{meant[-1]}'?"
    return Finding("missing-key", message, hint, path, on_key=True)


def _finding(kind: str, value: dict[str, Any], error: ValidationError) -> Finding:
    path: Path = error.document_path
    if error.code == errors.UNKNOWN_FIELD.code:
        return _unknown(kind, value, path)
    explained = _EXPLAINERS.get(error.code)
    if explained is not None:
        return explained(error, path)
    return Finding("bad-value", f"'{path[-1]}' has a value that is not allowed", path=path)


def _is_missing(error: ValidationError) -> bool:
    return bool(error.code == errors.REQUIRED_FIELD.code)


def _missing(kind: str, value: dict[str, Any], path: Path, keys: list[str]) -> Finding:
    """Explain all keys that one mapping lacks, in the order in which they are written."""
    rules = keys_at(rules_at(kind, value, path), value, path)
    keys = [key for key in rules if key in keys]
    names = [f"'{key}'" for key in keys]
    said = f"{', '.join(names[:-1])} and {names[-1]} are" if names[1:] else f"{names[0]} is"
    owner = _owner((*path, keys[0]))
    where = f" in '{owner}'" if owner else ""
    return Finding("missing-key", f"{said} missing{where}", lines_for(keys, rules), path)


def _owner(path: Path) -> str:
    """Return the name of the mapping that a key stands in, "" for the document itself."""
    names = [part for part in path[:-1] if isinstance(part, str)]
    return names[-1] if names else ""


def _bad_type(error: ValidationError, path: Path) -> Finding:
    types = [error.constraint] if isinstance(error.constraint, str) else list(error.constraint)
    return _wrong_type(types, error.value, path)


def _nothing(error: ValidationError, path: Path) -> Finding:
    return Finding("wrong-type", f"{_subject(path)} has no value", NO_VALUE_HINT, path)


def _wrong_type(types: list[str], value: Any, path: Path) -> Finding:
    wanted = " or ".join(_CALLED[name] for name in types)
    message = f"{_subject(path)} takes {wanted}, not {_kind_of_value(value)}"
    return Finding("wrong-type", message, type_hint(types, value), path)


def _kind_of_value(value: Any) -> str:
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, str):
        return "a text"
    if value is None:
        return "nothing"
    return "a list" if isinstance(value, list) else "a mapping"


def _subject(path: Path) -> str:
    if isinstance(path[-1], int):
        return f"entry {path[-1] + 1} of '{_owner(path)}'"
    return f"'{path[-1]}'"


def _not_allowed(error: ValidationError, path: Path) -> Finding:
    allowed = list(error.constraint)
    return _no_choice("bad-value", _subject(path), error.value, allowed, path)


def _no_choice(code: str, subject: str, value: Any, allowed: list[str], path: Path) -> Finding:
    hint = letter_hint(str(value)) or Near(str(value)[:64], allowed)
    return Finding(code, f"{shown(value)} is not a value of {subject}", hint, path)


def _bad_choice(error: ValidationError, path: Path) -> Finding:
    variant = VARIANTS[error.constraint]
    choices = list(variant.choices)
    hint = letter_hint(error.value) or Near(error.value, choices)
    return Finding(variant.code, f"{shown(error.value)} is not {variant.called}", hint, path)


def _bad_form(error: ValidationError, path: Path) -> Finding:
    form = FORMS[error.constraint]
    if error.constraint == "range" and (count := str(error.value).count(",") + 1) > RANGE_PARTS:
        message = f"the range has {count} comparators, more than {RANGE_PARTS}"
        return Finding("too-many", message, "two bounds say it: '>=1.2.0, <2.0.0'", path)
    if form.code == "bad-version" and not isinstance(error.value, str):
        return _version_not_text(error.value, path)
    message = f"{shown(error.value)} is not {form.called}"
    return Finding(form.code, message, _form_hint(error.constraint, error.value), path)


def _form_hint(form: str, value: str) -> str:
    """Return how it is written, with what was found written so where that may be quoted."""
    if letters := letter_hint(value):
        return letters
    if form == "name" and shown(value) != _UNQUOTED:
        return kebab(value)
    if form == "version" and (hint := version_hint(value)):
        return hint
    return FORMS[form].hint


def _version_not_text(value: Any, path: Path) -> Finding:
    if isinstance(value, int | float) and not isinstance(value, bool):
        message = "the version is a number, which does not tell 1.10 from 1.1"
        hint = version_hint(str(value)) or FORMS["version"].hint
        return Finding("bad-version", message, hint, path)
    message = f"the version is {_kind_of_value(value)}"
    return Finding("bad-version", message, 'write it as text: version: "1.2.0"', path)


def _repeated(error: ValidationError, path: Path) -> Finding:
    entry = (*path, error.info[0])
    return Finding("bad-value", f"{_subject(entry)} stands there before", "remove it", entry)


def _too_short(error: ValidationError, path: Path) -> Finding:
    if error.constraint == 1:
        return Finding("bad-value", f"{_subject(path)} is empty", "give it a value", path)
    message = f"{_subject(path)} is shorter than {error.constraint}"
    return Finding("bad-value", message, "lengthen it", path)


def _too_long(error: ValidationError, path: Path) -> Finding:
    if isinstance(error.value, list):
        message = f"'{path[-1]}' has {len(error.value)} entries, more than {error.constraint}"
        return Finding("too-many", message, "split the document, or leave out what few need", path)
    message = f"{_subject(path)} is longer than {error.constraint}"
    return Finding("bad-value", message, "shorten it", path)


def _too_low(error: ValidationError, path: Path) -> Finding:
    return Finding(
        "bad-value",
        f"{_subject(path)} is lower than {error.constraint}",
        f"give at least {error.constraint}",
        path,
    )


def _too_high(error: ValidationError, path: Path) -> Finding:
    return Finding(
        "bad-value",
        f"{_subject(path)} is higher than {error.constraint}",
        f"give at most {error.constraint}",
        path,
    )


_EXPLAINERS: dict[int, Callable[[ValidationError, Path], Finding]] = {
    errors.BAD_TYPE.code: _bad_type,
    errors.NOT_NULLABLE.code: _nothing,
    errors.UNALLOWED_VALUE.code: _not_allowed,
    errors.MIN_LENGTH.code: _too_short,
    errors.MAX_LENGTH.code: _too_long,
    errors.MIN_VALUE.code: _too_low,
    errors.MAX_VALUE.code: _too_high,
    CHOICE.code: _bad_choice,
    FORM.code: _bad_form,
    UNIQUE.code: _repeated,
}


def _unknown(kind: str, value: dict[str, Any], path: Path) -> Finding:
    """Explain a key that the mapping does not know, or that only other types of it know."""
    key = str(path[-1])
    rules = rules_at(kind, value, path[:-1])
    known = list(keys_at(rules, value, path[:-1]))
    variant = VARIANTS.get(rules.get("variant", ""))
    if variant is not None and any(key in schema for schema in variant.choices.values()):
        choice = value_at(value, path[:-1])[variant.key]
        own = list(variant.choices[choice])
        otherwise = f"it takes {', '.join(own)}" if own else "remove it"
        near = Near(key, own, otherwise, lists=False)
        message = f"'{key}' is no property of the type '{choice}'"
        return Finding("wrong-option", message, near, path, on_key=True)
    near = Near(key, known, _instead(known), lists=False)
    hint = key_hint(key, known) or _home(kind, path) or near
    where = f" in '{_owner(path)}'" if _owner(path) else ""
    return Finding("unknown-key", f"{shown(key)} is not known{where}", hint, path, on_key=True)


def _home(kind: str, path: Path) -> str:
    """Return a hint for a key that stands a step too far to the left."""
    parts = DOCUMENTS[kind].items() if len(path) == 1 else ()
    homes = [name for name, rules in parts if path[0] in rules.get("schema", ())]
    return f"indent it: it belongs in '{homes[0]}'" if homes else ""


def _instead(known: list[str]) -> str:
    return f"remove it, or begin it with x- to keep it; known are {', '.join(known)}"
