"""Shape: what Cerberus says, in paod's words; and the fast path never accepts what it refuses."""

import copy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paod.document import decode, read
from paod.schema import accepts, explain, findings, json_schema, kind_of
from paod.schema.source import DOCUMENTS, FIELD, VARIANTS

VALID = sorted((Path(__file__).parent / "data" / "valid").rglob("*.y*ml"))


def value_of(path: Path) -> dict[str, Any]:
    text = decode(path.read_bytes())
    assert isinstance(text, str)
    value = read(text).value
    assert value is not None
    return value


def item(**changes: Any) -> dict[str, Any]:
    """Return a good item with some keys changed; None takes a key out."""
    value: dict[str, Any] = {
        "name": "postgres-database",
        "version": "1.0.0",
        "description": "PostgreSQL",
        "owner": "platform-data-team",
        "tags": ["database"],
        "presentation": {"fields": []},
        "fulfillment": {"manual": {"system": "email", "template": {"to": "a@example.com"}}},
    }
    value |= changes
    return {key: entry for key, entry in value.items() if entry is not None}


def with_field(**field: Any) -> dict[str, Any]:
    return item(presentation={"fields": [field]})


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.stem)
def test_a_good_document_is_accepted_by_both(path: Path) -> None:
    value = value_of(path)
    assert accepts(value)
    assert list(explain(kind_of(value), value)) == []


@pytest.mark.parametrize(
    ("value", "code", "path", "hint"),
    [
        (item(owner=None), "missing-key", (), "add it"),
        (item(version=1.1), "bad-version", ("version",), '"1.1.0"'),
        (item(version="1.0"), "bad-version", ("version",), ""),
        (item(version=["1.0.0"]), "bad-version", ("version",), ""),
        (item(name="Postgres"), "bad-name", ("name",), ""),
        (item(name="a" * 64), "bad-name", ("name",), ""),
        (item(name="a\n"), "bad-name", ("name",), ""),
        (item(name=12), "wrong-type", ("name",), "quote it"),
        (item(description=""), "bad-value", ("description",), "give it a value"),
        (item(tags="database"), "wrong-type", ("tags",), "- "),
        (item(tags=["a", "b", "a"]), "bad-value", ("tags", 2), "remove it"),
        (item(taggs=[]), "unknown-key", ("taggs",), "did you mean 'tags'?"),
        (item(tags=None) | {"tags": None}, "wrong-type", ("tags",), "give it a value"),
        (item(version=None) | {"version": None}, "wrong-type", ("version",), "give it a value"),
        (
            item(presentation={"fields": [None]}),
            "wrong-type",
            ("presentation", "fields", 0),
            "give it a value",
        ),
        (
            with_field(name="a", type=None),
            "wrong-type",
            ("presentation", "fields", 0, "type"),
            "give it a value",
        ),
        (item(presentation={}), "missing-key", ("presentation",), "add it"),
        (item(fulfillment={}), "missing-key", ("fulfillment",), "add it"),
        (item(deprecated=True), "wrong-type", ("deprecated",), ""),
        (item(deprecated={"sunset": "soon"}), "bad-value", ("deprecated", "sunset"), "YYYY-MM-DD"),
        (
            item(
                fulfillment={
                    "manual": {"system": "jira", "template": {"project": "A", "summary": "B"}}
                }
            ),
            "missing-key",
            ("fulfillment", "manual", "template"),
            "add it",
        ),
        (
            with_field(name="a", type="strng"),
            "unknown-type",
            ("presentation", "fields", 0, "type"),
            "did you mean 'string'?",
        ),
        (with_field(name="a"), "missing-key", ("presentation", "fields", 0), "add it"),
        (item(owner=None, ownr="a"), "missing-key", ("ownr",), "did you mean 'owner'?"),
        (
            item(presentation={"feilds": []}),
            "missing-key",
            ("presentation", "feilds"),
            "did you mean 'fields'?",
        ),
        (
            with_field(name="a", tpye="selection", oneof=["a"]),
            "missing-key",
            ("presentation", "fields", 0, "tpye"),
            "did you mean 'type'?",
        ),
        (item(fields=[]), "unknown-key", ("fields",), "indent it: it belongs in 'presentation'"),
        (
            item(presentation=None, fulfillment=None, bundel={}),
            "missing-key",
            ("bundel",),
            "did you mean 'bundle'?",
        ),
        (
            with_field(name="a", type="string", required="yes"),
            "wrong-type",
            ("presentation", "fields", 0, "required"),
            "write true, without quotes",
        ),
        (
            with_field(name="a", type="integer", max_length=3),
            "wrong-option",
            ("presentation", "fields", 0, "max_length"),
            "did you mean 'max_value'?",
        ),
        (
            with_field(name="a", type="boolean", rows=3),
            "wrong-option",
            ("presentation", "fields", 0, "rows"),
            "remove it",
        ),
        (
            with_field(name="a", type="string", max_lenght=3),
            "unknown-key",
            ("presentation", "fields", 0, "max_lenght"),
            "did you mean 'max_length'?",
        ),
        (
            with_field(name="a", type="string", max_length=-1),
            "bad-value",
            ("presentation", "fields", 0, "max_length"),
            "",
        ),
        (
            with_field(name="a", type="integer", min_value=1.5),
            "wrong-type",
            ("presentation", "fields", 0, "min_value"),
            "",
        ),
        (
            with_field(name="a", type="selection"),
            "missing-key",
            ("presentation", "fields", 0),
            "add it",
        ),
        (
            with_field(name="a", type="selection", oneof=[True]),
            "wrong-type",
            ("presentation", "fields", 0, "oneof", 0),
            "quote it",
        ),
    ],
)
def test_a_fault_of_shape(
    value: dict[str, Any], code: str, path: tuple[str | int, ...], hint: str
) -> None:
    (finding,) = findings(value)
    assert (finding.code, finding.path) == (code, path)
    assert hint in str(finding.hint)
    assert not accepts(value)


@pytest.mark.parametrize(
    "value",
    [
        item(**{"x-anything": [1, {"a": None}]}),
        with_field(**{"name": "a", "type": "string", "x-icon": 1}),
        with_field(name="a", type="integer", min_value=10.0),
        with_field(name="a", type="string", default=None),
        item(fulfillment={"manual": {"system": "webhook", "template": {}, "x-a": 1}, "x-b": 2}),
    ],
    ids=range(5),
)
def test_what_is_allowed_beside_the_known_keys(value: dict[str, Any]) -> None:
    assert accepts(value)
    assert list(explain("item", value)) == []


def test_unknown_values_are_not_quoted() -> None:
    (finding,) = findings(item(name="hunter2 is my password"))
    assert "hunter2" not in finding.message


def test_every_field_type_has_its_properties_in_both() -> None:
    then = json_schema("item")["$defs"]["field"]["allOf"]
    for choice, schema in zip(FIELD.choices, then, strict=True):
        assert set(schema["then"]["properties"]) == {*FIELD.common, *FIELD.choices[choice]}


def test_thousands_of_faults_are_cut_off_soon() -> None:
    value = item(presentation={"fields": [{"a": 1, "b": 2}] * 6000})
    assert len(list(findings(value))) == 251  # two keys that each entry lacks are one finding


KEYS = st.sampled_from(
    sorted(
        {*DOCUMENTS["item"], "bundle", "manual", "template", "steps", "fields", "x-a", "zzz"}
        | {*FIELD.common, "min_length", "oneof", "options", "min_date", "step", "value", "field"}
        | {"system", "automation", "timeout", "depends_on", "since", "catalog_item"}
    )
)
TEXTS = st.sampled_from(
    [
        "",
        "a",
        "a-b",
        "A_b",
        "1.0.0",
        ">=1.0.0",
        "today+3d",
        "10m",
        "string",
        "int",
        "date",
        "jira",
        "email",
        "manual",
        "selection",
        "HttpPost",
        "é",
        "a\n",
        "12:00",
        "2026-01-01",
    ]
)
SCALARS = st.one_of(
    TEXTS, st.none(), st.booleans(), st.integers(-3, 200), st.sampled_from([0.5, 1.0, -2.0, 1e20])
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=8,
)


def mutate(draw: Any, value: Any) -> Any:
    """Change one thing somewhere in a document."""
    if isinstance(value, dict) and value and draw(st.integers(0, 3)):
        key = draw(st.sampled_from(sorted(value)))
        return {**value, key: mutate(draw, value[key])}
    if isinstance(value, list) and value and draw(st.integers(0, 3)):
        index = draw(st.integers(0, len(value) - 1))
        return [*value[:index], mutate(draw, value[index]), *value[index + 1 :]]
    if isinstance(value, dict):
        if value and draw(st.booleans()):
            gone = draw(st.sampled_from(sorted(value)))
            return {key: entry for key, entry in value.items() if key != gone}
        return {**value, draw(KEYS): draw(VALUES)}
    if isinstance(value, list) and draw(st.booleans()):
        return [*value, *value[:1], draw(VALUES)]
    return draw(VALUES)


@st.composite
def mutants(draw: Any) -> dict[str, Any]:
    value: Any = copy.deepcopy(value_of(draw(st.sampled_from(VALID))))
    for _ in range(draw(st.integers(1, 2))):
        changed = mutate(draw, value)
        value = changed if isinstance(changed, dict) else value
    assert isinstance(value, dict)
    return value


@settings(max_examples=300, deadline=None)
@given(mutants())
def test_the_fast_path_and_cerberus_always_agree(value: dict[str, Any]) -> None:
    assert accepts(value) == (list(explain(kind_of(value), value)) == [])


def keys_of(schema: dict[str, Any]) -> set[str]:
    """Return every key that a Cerberus schema knows, at any depth."""
    keys = set(schema)
    for rules in schema.values():
        inner = rules.get("schema", {})
        keys |= keys_of(inner.get("schema", {}) if rules.get("type") == "list" else inner)
    return keys


def test_the_documentation_names_every_key_and_every_choice() -> None:
    page = (Path(__file__).parents[1] / "docs" / "pao-yaml-spec.md").read_text("utf-8")
    known = keys_of(DOCUMENTS["item"]) | keys_of(DOCUMENTS["bundle"])
    for variant in VARIANTS.values():
        known |= keys_of(variant.common) | set(variant.choices)
        for schema in variant.choices.values():
            known |= keys_of(schema)
    assert sorted(key for key in known if f"`{key}`" not in page) == []
