"""What the schemas are put together from: kinds of values, and mappings that have variants.

``said`` adds what a key means. Validation passes over it; JSON Schema hands it on to editors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Schema = dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class Meaning:
    """What a value is for, and values that it could be. Hashed as an object: Cerberus asks."""

    description: str
    examples: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Variant:
    """A mapping whose schema is chosen by the value of ``key``; other values get ``code``.

    ``called`` is what the choices are called in a message. ``common`` holds whatever the choice.
    ``meanings`` tells what each choice is.
    """

    key: str
    called: str
    code: str
    common: Schema
    choices: dict[str, Schema]
    meanings: dict[str, str]


def said(schema: Schema, description: str, *examples: Any) -> Schema:
    """Return a schema that says what its value is for, with values that it could be."""
    return {**schema, "meta": Meaning(description, examples)}


def text(longest: int = 4096, shortest: int = 1) -> Schema:
    """Return the schema of a text of so many characters."""
    return {"type": "string", "minlength": shortest, "maxlength": longest}


def at_most(count: int, schema: Schema) -> Schema:
    """Return the schema of a list that has so many entries at most."""
    return {**schema, "maxlength": count}


def form(name: str) -> Schema:
    """Return the schema of a text that has a form."""
    return {"type": "string", "form": name}


def required(schema: Schema) -> Schema:
    """Return the schema of a value that must be there."""
    return {**schema, "required": True}


BOOLEAN: Schema = {"type": "boolean"}
NUMBER: Schema = {"type": "number"}
INTEGER: Schema = {"type": "integer"}
COUNT: Schema = {"type": "integer", "min": 0}
ANYTHING: Schema = {"nullable": True}
FREE: Schema = {"type": "dict", "allow_unknown": True}
