"""Random documents made from the JSON Schema, and random damage done to them. All by one seed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from random import Random
from re import _constants as sre  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import orjson
import yaml

from paod.schema import json_schema

Json = Any

DEFINITIONS = json_schema()["$defs"]
LETTERS = "abcxyz019 -_.é"
LITTLE: list[Json] = [None, True, False, 0, 1, -1, 2.5, "", "a", "no", "1.0.0", [], {}]
DAYS = ["2026-01-01", "today", "2026-06-30", "today+30d", "2028-02-29"]
MOMENTS = ["2026-01-01T00:00", "now", "2026-06-30T12:30:00Z", "now+12h", "2027-01-01 00:00"]
TIMES = ["00:00", "08:30", "12:00:30", "23:59"]
TEMPLATES = ["{{ requester }}", "a {% raw %}${{ b }}{% endraw %}", "{{ parameters }}", "plain"]
PATTERNS = ["^[a-z]+$", r"\d{2,5}", "(a|b)*", r"^\p{L}[^x]?$", "é"]
KNOWN = sorted(set(re.findall(r'"([a-z_]{2,20})": ?\{', orjson.dumps(DEFINITIONS).decode())))


def document(chance: Random) -> dict[str, Json]:
    """Return a document of the right shape, whose parts mean something together."""
    kind = "bundle" if chance.random() < 0.3 else "item"
    value: dict[str, Json] = grown(DEFINITIONS[kind], chance)
    return _Sense(chance).of_document(value)


def grown(schema: Json, chance: Random) -> Json:
    """Return a value that a schema accepts, made by walking the schema."""
    if schema is True:
        return chance.choice(LITTLE)
    if "$ref" in schema:
        schema = {**schema, **DEFINITIONS[schema["$ref"].rpartition("/")[2]]}
    if "enum" in schema:
        return chance.choice(schema["enum"])
    if schema.get("examples") and chance.random() < 0.2:
        return chance.choice(schema["examples"])
    types = schema.get("type", ["string", "integer", "boolean"])
    kind = types if isinstance(types, str) else chance.choice(types)
    return _MAKERS[kind](schema, chance)


def _mapping(schema: Json, chance: Random) -> dict[str, Json]:
    properties = dict(schema.get("properties", {}))
    result: dict[str, Json] = {}
    required = list(schema.get("required", ()))
    for choice in schema.get("allOf", ())[:1]:
        [key] = choice["if"]["properties"]
        result[key] = grown(properties.pop(key), chance)
        [then] = [
            each["then"]
            for each in schema["allOf"]
            if each["if"]["properties"][key]["const"] == result[key]
        ]
        properties |= {name: one for name, one in then["properties"].items() if one is not True}
        required += then.get("required", ())
    for key, rules in properties.items():
        if key not in result and (key in required or chance.random() < 0.25):
            result[key] = grown(rules, chance)
    is_open = "allOf" not in schema and schema.get("additionalProperties") is not False
    if chance.random() < (0.5 if is_open else 0.05):
        result["any" if is_open else "x-any"] = chance.choice(LITTLE)
    return result


def _list(schema: Json, chance: Random) -> list[Json]:
    found: list[Json] = []
    for _ in range(chance.randint(schema.get("minItems", 0), 3)):
        entry = grown(schema["items"], chance)
        if not (schema.get("uniqueItems") and entry in found):
            found.append(entry)
    return found


def _text(schema: Json, chance: Random) -> str:
    if "pattern" in schema:
        return "".join(matching(parser.parse(schema["pattern"]), chance))[: schema["maxLength"]]
    longest = min(schema.get("maxLength", 20), 20)
    return "".join(chance.choices(LETTERS, k=chance.randint(schema.get("minLength", 0), longest)))


def _whole(schema: Json, chance: Random) -> int:
    lowest = schema.get("minimum", -20)
    return chance.randint(lowest, schema.get("maximum", lowest + 40))


def _number(schema: Json, chance: Random) -> float:
    return _whole(schema, chance) + chance.choice([0, 0.5, 0.25])


_MAKERS: dict[str, Callable[[Json, Random], Json]] = {
    "object": _mapping,
    "array": _list,
    "string": _text,
    "integer": _whole,
    "number": _number,
    "boolean": lambda _, chance: chance.random() < 0.5,
    "null": lambda *_: None,
}


def matching(parsed: Any, chance: Random) -> Iterator[str]:
    """Yield the pieces of a text that a parsed pattern matches."""
    for operation, given in parsed:
        if operation is sre.LITERAL:
            yield chr(given)
        elif operation is sre.IN:
            yield _one_of(given, chance)
        elif operation in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            lowest, highest, inner = given
            for _ in range(chance.randint(lowest, min(highest, lowest + 4))):
                yield from matching(inner, chance)
        elif operation is sre.SUBPATTERN:
            yield from matching(given[3], chance)
        elif operation is sre.BRANCH:
            yield from matching(chance.choice(given[1]), chance)
        else:
            assert operation is sre.AT, operation


def _one_of(given: Any, chance: Random) -> str:
    operation, bounds = chance.choice(given)
    if operation is sre.RANGE:
        return chr(chance.randint(*bounds))
    assert operation is sre.LITERAL, operation
    return chr(bounds)


class _Sense:
    """Gives the parts of a document that look at each other values that fit."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance

    def of_document(self, value: dict[str, Json]) -> dict[str, Json]:
        value["name"] = "doc"
        for key in ("renamed_from", "dependencies"):
            if key in value:
                value[key] = "old" if key == "renamed_from" else ["one", "two"][: len(value[key])]
        if "deprecated" in value:
            value["deprecated"] |= {"replacement": "new", "sunset": "2026-12-31"}
        form = value.get("presentation", {})
        for fields in form.values():
            if isinstance(fields, list):
                self._form(fields)
        if "bundle" in value:
            self._bundle(value["bundle"])
        if "fulfillment" in value:
            self._fulfillment(value["fulfillment"])
        return value

    def _form(self, fields: list[Json]) -> None:
        for number, field in enumerate(fields):
            field["name"] = f"field_{number}"
            field.pop("conditional", None)
            self._limits(field)
            self._default(field)
            if number and fields[0]["type"] == "boolean":
                field["conditional"] = {"field": "field_0", "value": True}

    def _limits(self, field: dict[str, Json]) -> None:
        if "regexp" in field:
            field["regexp"] = self.chance.choice(PATTERNS)
            for key in ("min_length", "max_length", "format"):
                field.pop(key, None)
        if "step" in field:
            field["step"] = self.chance.choice([1, 2, 5])
            for key in ("min_value", "max_value"):
                field.pop(key, None)
        if field["type"] == "percentage" and "min_value" in field:
            field["min_value"] = abs(field["min_value"]) % 50
        if field["type"] == "percentage" and "max_value" in field:
            field["max_value"] = 50 + abs(field["max_value"]) % 50
        for kind, pool in (("date", DAYS), ("datetime", MOMENTS), ("time", TIMES)):
            for key in (f"min_{kind}", f"max_{kind}"):
                if key in field:
                    field[key] = self.chance.choice(pool)
            if f"min_{kind}" in field and f"max_{kind}" in field:
                field[f"max_{kind}"] = field[f"min_{kind}"]
        if "timezone" in field:
            field["timezone"] = self.chance.choice(["UTC", "+02:00", "Europe/Paris"])
        for key in ("length", "value", "selections"):
            low, high = f"min_{key}", f"max_{key}"
            if low in field and high in field:
                field[low], field[high] = sorted([field[low], field[high]])
        if "min_selections" in field:
            field["min_selections"] = min(field["min_selections"], len(field["options"]))

    def _default(self, field: dict[str, Json]) -> None:
        field.pop("default", None)
        if field["type"] == "boolean":
            field["default"] = True
        elif "oneof" in field:
            field["default"] = field["oneof"][-1]
        elif "options" in field:
            field["default"] = field["options"][: field.get("max_selections", 3)]
        elif self.chance.random() < 0.2:
            field["default"] = None
        if field.get("readonly") and "default" not in field:
            field["default"] = None

    def _bundle(self, bundle: dict[str, Json]) -> None:
        for parts in bundle.values():
            for number, part in enumerate(parts if isinstance(parts, list) else ()):
                part["catalog_item"] = f"item-{number}"
                if "version" in part:
                    part["version"] = self.chance.choice([">=1.0.0, <2.0.0", "*", "!=1.2.3"])
                if "parameters" in part:
                    part["parameters"] = {"a": self.chance.choice(TEMPLATES)}
        if not any(isinstance(parts, list) and parts for parts in bundle.values()):
            bundle["required_items"] = [{"catalog_item": "one"}]

    def _fulfillment(self, fulfillment: dict[str, Json]) -> None:
        template = fulfillment["manual"]["template"]
        for key in template:
            template[key] = self.chance.choice(TEMPLATES)
        steps = fulfillment.get("automation", {}).get("steps", [])
        for number, step in enumerate(steps):
            step["name"] = f"step_{number}"
            if "depends_on" in step:
                step["depends_on"] = [f"step_{number - 1}"] if number else []
            if "template" in step:
                step["template"] = {"a": [self.chance.choice(TEMPLATES)]}


class _Dumper(yaml.CSafeDumper):
    """Quotes what begins with no letter: PyYAML takes ``-.91`` for text, and YAML 1.2 does not."""


_Dumper.add_representer(
    str,
    lambda dumper, text: dumper.represent_scalar(
        "tag:yaml.org,2002:str", text, style=None if text[:1].isalpha() else '"'
    ),
)


def rendered(value: Json, chance: Random) -> bytes:
    """Return a value as JSON, or as YAML in block or flow style."""
    if chance.random() < 0.7:
        return orjson.dumps(value)
    return yaml.dump(
        value,
        Dumper=_Dumper,
        allow_unicode=True,
        default_flow_style=chance.choice([True, False, None]),
        encoding="utf-8",
    )


def damaged(value: Json, chance: Random) -> Json:
    """Return a value with one thing in it changed, added or taken away."""
    if isinstance(value, dict) and value:
        key = chance.choice(list(value))
        match chance.randrange(8):
            case 0:
                return {name: one for name, one in value.items() if name != key}
            case 1:
                return {**value, chance.choice(KNOWN): anything(chance)}
            case 2:
                return {**value, key: value[chance.choice(list(value))]}
            case _:
                return {**value, key: damaged(value[key], chance)}
    if isinstance(value, list) and value:
        at = chance.randrange(len(value))
        match chance.randrange(6):
            case 0:
                return value[:at] + value[at + 1 :]
            case 1:
                return [*value, value[at]]
            case 2:
                return [*value, anything(chance)]
            case _:
                return [*value[:at], damaged(value[at], chance), *value[at + 1 :]]
    return anything(chance)


def anything(chance: Random) -> Json:
    """Return a small value of any kind, often one that stands somewhere in good documents."""
    match chance.randrange(5):
        case 0:
            return grown(DEFINITIONS[chance.choice(["field", "manual", "bundle"])], chance)
        case 1:
            return {chance.choice(KNOWN): chance.choice(LITTLE)}
        case 2:
            pools = (DAYS, MOMENTS, TIMES, TEMPLATES, PATTERNS, KNOWN)
            return chance.choice(chance.choice(pools))
        case 3:
            return chance.choice(
                [2**63, -(2**63), 1e300, "x" * 300, "\n", "{{", "{% if", "(", "\\"]
            )
        case _:
            return chance.choice(LITTLE)


PIECES = [
    *(b"\n", b" ", b"  ", b"- ", b": ", b":", b"[", b"]", b"{", b"}", b",", b"#", b"&a ", b"*a"),
    *(b"<<: ", b"? ", b"| ", b">", b"'", b'"', b"\\", b"!!int ", b"!x ", b"---\n", b"...\n", b"%"),
    *(
        b"\t",
        b"\r",
        b"\0",
        b"\x85",
        b"\xff",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b".nan",
        b"0x",
        b"~",
    ),
]


def torn(data: bytes, chance: Random) -> bytes:
    """Return bytes with up to four cuts, copies and insertions in them."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(data))
        end = at + chance.choice([0, 0, 1, 1, 5, 40])
        source = chance.randint(0, len(data))
        piece = chance.choice([b"", data[source : source + chance.choice([1, 8, 60])]])
        if chance.random() < 0.6:
            piece = chance.choice(PIECES) * chance.choice([1, 1, 1, 3])
        data = data[:at] + piece + data[end:]
    return data
