"""JSON Schema made from the Cerberus schemas, for paod itself and for editors.

Compiled, it accepts a good document in microseconds. Whatever it accepts, Cerberus accepts; a fuzz
test holds the two together. An editor completes and explains by it.
"""

from __future__ import annotations

from typing import Any

from paod.model import Kind
from paod.schema.forms import FORMS
from paod.schema.parts import Schema, Variant
from paod.schema.source import BUNDLE, DOCUMENTS, VARIANTS

Json = dict[str, Any]

_TYPES = {"dict": "object", "list": "array"}
_LENGTHS = {"array": ("minItems", "maxItems"), "string": ("minLength", "maxLength")}
_EXTENSIONS: Json = {"^x-": True}


def json_schema(kind: Kind | None = None) -> Json:
    """Return the JSON Schema (2020-12) of an item or a bundle; None: of whichever it is."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:paod:schema:{kind or 'document'}",
        "title": f"paod catalog {kind or 'document'}",
        **(_mapping(DOCUMENTS[kind]) if kind else _either()),
        "$defs": {
            **{name: _variant(variant) for name, variant in VARIANTS.items()},
            **({} if kind else {name: _mapping(schema) for name, schema in DOCUMENTS.items()}),
        },
    }


def _either() -> Json:
    """Return the schema that chooses as paod does: a document with a ``bundle`` key is a bundle.

    The key is also named by itself, or no editor would offer it in an empty file.
    """
    return {
        "type": "object",
        "properties": {"bundle": {"type": "object", **_meaning(BUNDLE["bundle"])}},
        "if": {"required": ["bundle"]},
        "then": {"$ref": "#/$defs/bundle"},
        "else": {"$ref": "#/$defs/item"},
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
    """Return the schema of a mapping with variants: common keys first, then what its choice adds.

    A choice knows the common keys, or it would refuse them as unknown.
    """
    result = _mapping(variant.common, is_open=True)
    result["properties"][variant.key] |= {
        "enum": list(variant.choices),
        "enumDescriptions": list(variant.meanings.values()),
    }
    result["allOf"] = [
        {
            "if": {"properties": {variant.key: {"const": choice}}, "required": [variant.key]},
            "then": {
                "description": variant.meanings[choice],
                **_chosen(variant.common, schema),
            },
        }
        for choice, schema in variant.choices.items()
    ]
    return result


def _chosen(common: Schema, schema: Schema) -> Json:
    result = _mapping(schema)
    result["properties"] = {**dict.fromkeys(common, True), **result["properties"]}
    return result


def _rules(rules: Schema) -> Json:
    """Return the JSON Schema of one value."""
    types = _types(rules)
    result = _meaning(rules)
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


def _meaning(rules: Schema) -> Json:
    meaning = rules.get("meta")
    if meaning is None:
        return {}
    examples = {"examples": list(meaning.examples)} if meaning.examples else {}
    return {"description": meaning.description, **examples}


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
