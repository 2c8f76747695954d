"""The JSON Schema for editors: sound, explained to the last key, and of one mind with paod."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator

from paod.cli import main
from paod.model import Kind
from paod.schema import accepts, json_schema, kind_of
from tests.test_schema import VALID, item, value_of, with_field

KINDS: list[Kind | None] = [None, "item", "bundle"]
EITHER = json_schema()

Json = dict[str, Any]


def keys(schema: Json, where: str = "") -> Iterator[tuple[str, Json]]:
    """Yield every key that a schema offers, with its own schema; known ones (true) left out."""
    for key, rules in schema.get("properties", {}).items():
        if rules is not True:
            yield f"{where}.{key}", rules
            yield from keys(rules, f"{where}.{key}")
    for name, inner in schema.get("$defs", {}).items():
        yield from keys(inner, name)
    for choice in schema.get("allOf", ()):
        yield from keys(choice["then"], f"{where}({choice['if']['properties']})")
    if isinstance(schema.get("items"), dict):
        yield from keys(schema["items"], where)


@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_is_sound_and_has_a_name(kind: Kind | None) -> None:
    schema = json_schema(kind)
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"] == f"urn:paod:schema:{kind or 'document'}"


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    for words, kind in (([], None), (["item"], "item"), (["bundle"], "bundle")):
        assert main(["schema", *words]) == 0
        assert json.loads(capsys.readouterr().out) == json_schema(kind)  # type: ignore[arg-type]


def test_every_key_is_explained() -> None:
    found = dict(keys(EITHER))
    assert len(found) > 60
    for key, rules in found.items():
        assert rules["description"].endswith((".", ")")), key


def test_every_choice_is_explained() -> None:
    for name in ("field", "manual"):
        [(choices, told)] = [
            (rules["enum"], rules["enumDescriptions"])
            for rules in EITHER["$defs"][name]["properties"].values()
            if "enumDescriptions" in rules
        ]
        assert len(choices) == len(told)
        assert all(one.endswith(".") for one in told)
        for choice, known in zip(EITHER["$defs"][name]["allOf"], told, strict=True):
            assert choice["then"]["description"] == known


def test_every_example_is_one() -> None:
    for key, rules in keys(EITHER):
        check = Draft202012Validator({**rules, "$defs": EITHER["$defs"]})
        for example in rules.get("examples", ()):
            assert check.is_valid(example), (key, example)


@pytest.mark.parametrize(
    "value",
    [
        *[value_of(path) for path in VALID],
        item(owner=None),
        item(bundle={}),
        with_field(name="a", type="strng"),
        with_field(name="a"),
        with_field(name="a", type="string", max_length=3),
        with_field(name="a", type="integer", max_length=3),
        item(fulfillment={"manual": {"system": "jira", "template": {}}}),
        item(fulfillment={"manual": {"system": "email", "template": {}}}),
        item(surplus=1),
    ],
    ids=range(len(VALID) + 9),
)
def test_it_takes_what_paod_takes(value: Json) -> None:
    taken = accepts(value)
    for schema in (EITHER, json_schema(kind_of(value))):
        assert jsonschema_rs.validator_for(schema).is_valid(value) == taken
        assert Draft202012Validator(schema).is_valid(value) == taken
