"""JSON Schema made from the Cerberus schemas: compiled, it accepts a good document in microseconds.

Whatever it accepts, Cerberus accepts; a fuzz test holds the two together.
"""

from __future__ import annotations

from typing import Any

from paod.schema.forms import FORMS
from paod.schema.source import DOCUMENTS, VARIANTS, Schema, Variant

Json = dict[str, Any]

_TYPES = {"dict": "object", "list": "array"}
_LENGTHS = {"array": ("minItems", "maxItems"), "string": ("minLength", "maxLength")}
_EXTENSIONS: Json = {"^x-": True}


def json_schema(kind: str) -> Json:
    """Return the JSON Schema (2020-12) of an ``item`` or a ``bundle``."""
    definitions = {name: _variant(variant) for name, variant in VARIANTS.items()}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"paod catalog {kind}",
        **_mapping(DOCUMENTS[kind]),
        "$defs": definitions,
    }


def _mapping(schema: Schema, *, is_open: bool = False) -> Json:
    """Return the JSON Schema of a mapping with these keys, and others too if it is open."""
    required = [key for key, rules in schema.items() if rules.get("required")]
    result: Json = {
        "type": "object",
        "properties": {key: _rules(rules) for key, rules in schema.items()},
    }
    if required:
        result["required"] = required
    if not is_open:
        result |= {"patternProperties": _EXTENSIONS, "additionalProperties": False}
    return result


def _variant(variant: Variant) -> Json:
    choices = [
        {
            "if": {"properties": {variant.key: {"const": choice}}},
            "then": _mapping({**variant.common, **schema}),
        }
        for choice, schema in variant.choices.items()
    ]
    return {
        "type": "object",
        "required": [variant.key],
        "properties": {variant.key: {"enum": list(variant.choices)}},
        "allOf": choices,
    }


def _rules(rules: Schema) -> Json:
    """Return the JSON Schema of one value."""
    types = _types(rules)
    result: Json = {}
    if types:
        result["type"] = types[0] if len(types) == 1 else types
    if "variant" in rules:
        result["$ref"] = f"#/$defs/{rules['variant']}"
    if "form" in rules:
        form = FORMS[rules["form"]]
        result |= {"pattern": f"^(?:{form.pattern})$", "maxLength": form.longest}
    if "allowed" in rules:
        result["enum"] = rules["allowed"]
    if rules.get("unique"):
        result["uniqueItems"] = True
    return result | _bounds(rules, types) | _inner(rules, types)


def _types(rules: Schema) -> list[str]:
    named = rules.get("type", ["string"] if "form" in rules else [])
    types = [_TYPES.get(name, name) for name in ([named] if isinstance(named, str) else named)]
    return [*types, "null"] if types and rules.get("nullable") else types


def _bounds(rules: Schema, types: list[str]) -> Json:
    found: Json = {}
    for rule, keyword in (("min", "minimum"), ("max", "maximum")):
        if rule in rules:
            found[keyword] = rules[rule]
    for name in types:
        for rule, keyword in zip(("minlength", "maxlength"), _LENGTHS.get(name, ()), strict=False):
            if rule in rules:
                found[keyword] = rules[rule]
    return found


def _inner(rules: Schema, types: list[str]) -> Json:
    schema = rules.get("schema")
    if schema is None:
        return {}
    if "array" in types:
        return {"items": _rules(schema)}
    return _mapping(schema, is_open=bool(rules.get("allow_unknown")))
