"""Cerberus with paod's own rules, to say exactly what is wrong with a document's shape.

Slow, so it is asked only about documents that the compiled schema did not accept. The rules'
docstrings that look like code are read by Cerberus: they are the schemas of the rules' arguments.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, ClassVar

from cerberus import TypeDefinition, Validator
from cerberus.errors import REQUIRED_FIELD, ErrorDefinition, ValidationError

from paod.schema.forms import FORMS
from paod.schema.parts import Schema
from paod.schema.source import DOCUMENTS, VARIANTS

FORM = ErrorDefinition(0x101, "form")
UNIQUE = ErrorDefinition(0x102, "unique")
CHOICE = ErrorDefinition(0x103, "choice")
VARIANT = ErrorDefinition(0x181, "variant")
"""Holds the errors of the schema that was chosen; the bit 0x80 makes Cerberus treat it so."""

MAX_ERRORS = 501
"""Errors after which Cerberus is stopped."""


class _EnoughError(Exception):
    """As many errors as anybody will read."""


class _WholeNumber(type):
    """Makes ``isinstance`` true of 10.0 as of 10: JSON Schema knows no difference either."""

    def __instancecheck__(cls, value: object) -> bool:
        return isinstance(value, int) or (isinstance(value, float) and value.is_integer())


class _Whole(metaclass=_WholeNumber):
    """Any number without a fraction."""


class _Checker(Validator):  # type: ignore[misc]  # Cerberus ships no types
    """Cerberus' validator with the rules ``form``, ``unique``, ``variant`` and ``choice``.

    Cerberus runs these even on a value that it has just refused as null, so each looks first.
    """

    types_mapping: ClassVar[dict[str, TypeDefinition]] = {
        **Validator.types_mapping,
        "integer": TypeDefinition("integer", (_Whole,), (bool,)),
    }

    def _error(self, *args: Any) -> None:
        """Note errors in order, in a list that all nested validators share.

        Cerberus would sort them and add them to two trees each time: with thousands of errors
        that takes minutes.
        """
        if len(args) > 1:
            super()._error(*args)
            return
        self._errors.extend(args[0])
        found: list[ValidationError] = self._config["found"]
        if len(found) >= MAX_ERRORS and not _goes_on(found[-1], args[0][0]):
            raise _EnoughError
        found.extend(error for error in args[0] if _is_telling(error))

    def _validate_form(self, name: str, field: str, value: Any) -> None:
        """{'type': 'string'}"""
        if value is None:
            return
        typed = "type" in self.schema[field]
        if not (FORMS[name].fits(value) if isinstance(value, str) else typed):
            self._error(field, FORM)

    def _validate_unique(self, unique: bool, field: str, value: Any) -> None:
        """{'type': 'boolean'}"""
        for index in _repeated(value) if unique and isinstance(value, list) else ():
            self._error(field, UNIQUE, index)

    def _validate_choice(self, name: str, field: str, value: Any) -> None:
        """{'type': 'string'}"""
        if isinstance(value, str) and value not in VARIANTS[name].choices:
            self._error(field, CHOICE)

    def _validate_variant(self, name: str, field: str, value: Any) -> None:
        """{'type': 'string'}"""
        if not isinstance(value, dict):
            return
        schema, known = chosen(name, value)
        child = self._get_child_validator(
            document_crumb=field,
            schema_crumb=(field, "variant"),
            schema=schema,
            allow_unknown=not known,
        )
        if not child(value, normalize=False):
            self._error(field, VARIANT, child._errors)


def chosen(name: str, value: Any) -> tuple[Schema, bool]:
    """Return the schema that a mapping chooses by its key, and whether the choice is a known one.

    Where it is not, the schema is what holds for every choice.
    """
    variant = VARIANTS[name]
    choice = value.get(variant.key) if isinstance(value, dict) else None
    if isinstance(choice, str) and choice in variant.choices:
        return {**variant.common, **variant.choices[choice]}, True
    return {**variant.common, variant.key: {**variant.common[variant.key], "choice": name}}, False


def errors_of(kind: str, value: dict[str, Any]) -> list[ValidationError]:
    """Return what Cerberus finds wrong with a document, each error by itself, none of them a group.

    At most ``MAX_ERRORS``, and what else one mapping lacks. Each call has a validator of its own,
    since one keeps what it found.
    """
    found: list[ValidationError] = []
    with suppress(_EnoughError):
        _Checker(_COMPILED[kind], found=found).validate(value, normalize=False)
    return found


def _is_telling(error: ValidationError) -> bool:
    """Say whether an error is one by itself, and not about a key that an author may add."""
    if error.is_group_error:
        return False
    return error.rule is not None or not str(error.document_path[-1]).startswith("x-")


def _goes_on(last: ValidationError, next_: ValidationError) -> bool:
    """Say whether both are of the keys that one mapping lacks: Cerberus takes them from a set.

    Were one of them cut off, which one would be chance.
    """
    missing = REQUIRED_FIELD.code
    same = last.document_path[:-1] == next_.document_path[:-1]
    return bool(last.code == missing and next_.code == missing and same)


def _repeated(values: list[Any]) -> list[int]:
    seen: set[Any] = set()
    found = []
    for index, value in enumerate(values):
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            continue
        if value in seen:
            found.append(index)
        seen.add(value)
    return found


def _compiled() -> dict[str, Any]:
    """Return the schemas as Cerberus holds them, every variant checked by it along the way."""
    for variant in VARIANTS.values():
        for choice in variant.choices.values():
            _Checker({**variant.common, **choice})
    return {kind: _Checker(schema).schema for kind, schema in DOCUMENTS.items()}


_COMPILED = _compiled()
