"""What breaks those who order: a table, and the validator of orders as the judge of it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paod import preview
from paod.model import Resolved, Served
from paod.preview.effects import effects
from paod.rules.parameters import check_parameters

TEXT = {"type": "string"}
NUMBER = {"type": "number"}
WHOLE = {"type": "integer"}
PICK = {"type": "selection", "oneof": ["s", "m"]}
PICKS = {"type": "multiselect", "options": ["a", "b", "c"]}
DAY = {"type": "date"}
MOMENT = {"type": "datetime"}
ASKED = {"conditional": {"field": "other", "value": "x"}}
OTHER = {"name": "other", "type": "string"}


def item(*fields: dict[str, Any], **keys: Any) -> dict[str, Any]:
    document = {
        "name": "thing",
        "version": "1.0.0",
        "presentation": {"fields": list(fields)},
        "fulfillment": {"manual": {"system": "email", "template": {}}},
    }
    return document | keys


def bundle(required: tuple[str, ...] = (), optional: dict[str, bool] | None = None) -> Any:
    chosen = [{"catalog_item": one, "default_enabled": on} for one, on in (optional or {}).items()]
    parts = {"required_items": [{"catalog_item": one} for one in required]}
    return {
        "name": "stack",
        "version": "1.0.0",
        "bundle": parts | ({"optional_items": chosen} if chosen else {}),
    }


def found(before: Any, after: Any, change: Any = "changed", **served: Served) -> list[Any]:
    known = {"old": Served(), "new": Served()} | served
    return effects(change, before, {**after, "version": "2.0.0"}, **known)


def told(before: Any, after: Any, change: Any = "changed", **served: Served) -> list[str]:
    """Return the codes, those that break marked so."""
    return [f"{one.code}{'!' * one.breaking}" for one in found(before, after, change, **served)]


FIELDS = {
    # presence
    "added": (None, TEXT, ["field-added"]),
    "added, required": (None, TEXT | {"required": True}, ["required-field-added!"]),
    "added, required, with a default": (
        None,
        TEXT | {"required": True, "default": "x"},
        ["field-added"],
    ),
    "removed": (TEXT, None, ["field-removed!"]),
    "required now": (TEXT, TEXT | {"required": True}, ["field-required!"]),
    "required now, with a default": (
        TEXT | {"default": "x"},
        TEXT | {"required": True, "default": "x"},
        [],
    ),
    "required, its default gone": (
        TEXT | {"required": True, "default": "x"},
        TEXT | {"required": True},
        ["field-required!"],
    ),
    "optional now": (TEXT | {"required": True}, TEXT, ["field-optional"]),
    "default given to a required one": (
        TEXT | {"required": True},
        TEXT | {"required": True, "default": "x"},
        ["field-optional"],
    ),
    "default changed": (TEXT | {"default": "x"}, TEXT | {"default": "y"}, ["default-changed!"]),
    "default added": (TEXT, TEXT | {"default": "x"}, ["default-changed!"]),
    "default removed": (TEXT | {"default": "x"}, TEXT, ["default-changed!"]),
    "default null and none": (TEXT | {"default": None}, TEXT, []),
    "default true and 1": (NUMBER | {"default": 1}, NUMBER | {"default": 1.0}, []),
    "help and rows": (TEXT, TEXT | {"help_text": "x", "rows": 3}, []),
    "read-only": (TEXT, TEXT | {"readonly": True}, ["field-readonly!"]),
    "hidden": (TEXT, TEXT | {"hidden": True}, ["field-hidden"]),
    "hidden and required": (
        TEXT | {"required": True},
        TEXT | {"required": True, "hidden": True},
        ["field-hidden!"],
    ),
    "conditional": (
        TEXT | {"required": True},
        TEXT | {"required": True} | ASKED,
        ["condition-changed"],
    ),
    "conditional no more": (
        TEXT | {"required": True} | ASKED,
        TEXT | {"required": True},
        ["condition-changed!"],
    ),
    "optional, conditional no more": (TEXT | ASKED, TEXT, ["condition-changed"]),
    # types
    "another type": (TEXT, WHOLE, ["type-changed!"]),
    "another type, with its own limits": (
        TEXT | {"max_length": 3},
        NUMBER | {"max_value": 3},
        ["type-changed!"],
    ),
    "int and integer": ({"type": "int"}, WHOLE, []),
    "integer to number": (WHOLE, NUMBER, ["type-widened"]),
    "number to integer": (NUMBER, WHOLE, ["type-changed!"]),
    "percentage to number": ({"type": "percentage"}, NUMBER, ["type-widened"]),
    "string to textarea, shorter": (
        TEXT,
        {"type": "textarea", "max_length": 9},
        ["type-widened", "range-narrowed!"],
    ),
    "one option to several": (
        PICK,
        {"type": "multiselect", "options": ["s", "m"]},
        ["type-changed!"],
    ),
    # options
    "option removed": (PICK, PICK | {"oneof": ["m"]}, ["option-removed!"]),
    "option added": (PICK, PICK | {"oneof": ["s", "m", "l"]}, ["option-added"]),
    "option replaced": (PICK, PICK | {"oneof": ["s", "l"]}, ["option-removed!", "option-added"]),
    "options in another order": (PICK, PICK | {"oneof": ["m", "s"]}, []),
    "1 and '1'": (
        PICK | {"oneof": [1]},
        PICK | {"oneof": ["1"]},
        ["option-removed!", "option-added"],
    ),
    "option removed, custom ones taken": (
        PICK | {"allow_custom": True},
        PICK | {"allow_custom": True, "oneof": ["m"]},
        ["option-removed"],
    ),
    "custom ones refused": (PICK | {"allow_custom": True}, PICK, ["custom-refused!"]),
    "custom ones taken": (PICK, PICK | {"allow_custom": True}, []),
    "choice removed": (PICKS, PICKS | {"options": ["a", "b"]}, ["option-removed!"]),
    "more must be chosen": (PICKS, PICKS | {"min_selections": 2}, ["range-narrowed!"]),
    "one must be chosen, as none is no value": (PICKS, PICKS | {"min_selections": 1}, []),
    "fewer may be chosen": (PICKS, PICKS | {"max_selections": 2}, ["range-narrowed!"]),
    "as many may be chosen as there are": (PICKS, PICKS | {"max_selections": 3}, []),
    # ranges
    "shorter": (TEXT | {"max_length": 9}, TEXT | {"max_length": 8}, ["range-narrowed!"]),
    "longer": (TEXT | {"max_length": 9}, TEXT | {"max_length": 10}, ["range-widened"]),
    "limited": (TEXT, TEXT | {"max_length": 9}, ["range-narrowed!"]),
    "unlimited": (TEXT | {"max_length": 9}, TEXT, ["range-widened"]),
    "an empty text is none": (TEXT, TEXT | {"min_length": 1}, []),
    "at least two characters": (TEXT, TEXT | {"min_length": 2}, ["range-narrowed!"]),
    "from 0": (NUMBER, NUMBER | {"min_value": 0}, ["range-narrowed!"]),
    "a percentage from 0": ({"type": "percentage"}, {"type": "percentage", "min_value": 0}, []),
    "both ends": (
        NUMBER | {"min_value": 1, "max_value": 9},
        NUMBER | {"min_value": 0, "max_value": 8},
        ["range-widened", "range-narrowed!"],
    ),
    "steps": (NUMBER, NUMBER | {"step": 5}, ["range-narrowed!"]),
    "steps of 1 of an integer": (WHOLE, WHOLE | {"step": 1}, []),
    "finer steps": (NUMBER | {"step": 0.3}, NUMBER | {"step": 0.1}, ["range-widened"]),
    "steps from elsewhere": (
        NUMBER | {"step": 5, "min_value": 1},
        NUMBER | {"step": 5, "min_value": 0},
        ["range-widened", "range-narrowed!"],
    ),
    "no steps": (NUMBER | {"step": 5}, NUMBER, ["range-widened"]),
    "fewer decimals": (NUMBER | {"precision": 2}, NUMBER | {"precision": 1}, ["range-narrowed!"]),
    "any decimals": (NUMBER | {"precision": 2}, NUMBER, ["range-widened"]),
    "decimals of an integer": (WHOLE, WHOLE | {"precision": 0}, []),
    "sooner": (
        DAY | {"max_date": "2026-03-02"},
        DAY | {"max_date": "2026-03-01"},
        ["range-narrowed!"],
    ),
    "later": (DAY | {"max_date": "today+9d"}, DAY | {"max_date": "today+2w"}, ["range-widened"]),
    "not before": (DAY, DAY | {"min_date": "today"}, ["range-narrowed!"]),
    "any day": (DAY | {"min_date": "today"}, DAY, ["range-widened"]),
    "fixed to relative": (
        DAY | {"min_date": "2026-03-02"},
        DAY | {"min_date": "today"},
        ["range-narrowed!"],
    ),
    # texts and moments
    "regexp added": (TEXT, TEXT | {"regexp": "^a"}, ["regexp-changed!"]),
    "regexp changed": (TEXT | {"regexp": "^a"}, TEXT | {"regexp": "^b"}, ["regexp-changed!"]),
    "regexp removed": (TEXT | {"regexp": "^a"}, TEXT, ["regexp-removed"]),
    "format changed": (TEXT, TEXT | {"format": "email"}, ["format-changed!"]),
    "a date shown otherwise": (DAY, DAY | {"format": "DD.MM.YYYY"}, []),
    "another zone": (MOMENT, MOMENT | {"timezone": "Europe/Paris"}, ["timezone-changed!"]),
    "UTC by name": (MOMENT, MOMENT | {"timezone": "UTC"}, []),
}


@pytest.mark.parametrize("case", FIELDS)
def test_what_becomes_of_a_field(case: str) -> None:
    before, after, expected = FIELDS[case]
    documents = [
        item(OTHER, *([{"name": "size"} | field] if field else [])) for field in (before, after)
    ]
    assert told(*documents) == expected


@pytest.mark.parametrize(
    ("before", "after", "change", "expected"),
    [
        (item(), item(), "removed", ["removed!"]),
        (item(), item(name="other"), "renamed", ["renamed"]),
        (item(), item(deprecated={"replacement": "other"}), "changed", ["deprecated"]),
        (item(), item(fulfillment={"manual": {}}), "changed", ["fulfillment-changed"]),
        (item(), item(description="x"), "changed", []),
        (bundle(("a", "b")), bundle(("a",)), "changed", ["part-removed!"]),
        (bundle(("a",)), bundle(("a", "b")), "changed", ["part-added"]),
        (bundle(("a",)), bundle(("b", "a")), "changed", ["part-added"]),
        (bundle(("a", "b")), bundle(("a",), {"b": False}), "changed", ["part-optional!"]),
        (bundle(("a", "b")), bundle(("a",), {"b": True}), "changed", []),
        (bundle((), {"a": False}), bundle((), {"a": True}), "changed", ["part-included!"]),
    ],
)
def test_what_becomes_of_a_document(
    before: Any, after: Any, change: str, expected: list[str]
) -> None:
    assert told(before, after, change) == expected


def test_the_manual_lists_every_code_and_no_other() -> None:
    manual = (Path(__file__).parent.parent / "docs" / "pao-yaml-spec.md").read_text("utf-8")
    section = manual.split("## What breaks an order")[1].split("\n## ")[0]
    cells = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    source = "".join(file.read_text("utf-8") for file in Path(preview.__file__).parent.glob("*.py"))
    named = r'(?:[Ee]ffect\(|code = |wider else )\s*f?"([a-z{}-]+)"'
    codes = set(re.findall(named, source))
    wanted = {code for code in codes if "{" not in code} | {
        code.replace("{key}", key) for code in codes if "{" in code for key in ("regexp", "format")
    }
    assert {code for cell in cells for code in re.findall(r"`([a-z-]+)`", cell)} == wanted


def test_a_bundle_that_cannot_be_put_together_any_more_says_why() -> None:
    whole = Served(parts=(Resolved("a", "", "1.0.0"),))
    broken = Served(parts=(Resolved("a", "", None, "'a' was removed from the catalog"),))
    [effect] = found(bundle(("a",)), bundle(("a",)), "resolution", old=whole, new=broken)
    assert (effect.code, effect.breaking) == ("unresolved", True)
    assert effect.message.endswith(": 'a' was removed from the catalog")
    assert told(bundle(), bundle(), "resolution", old=broken, new=whole) == ["resolved"]
    newer = Served(parts=(Resolved("a", "", "1.1.0"),))
    assert told(bundle(), bundle(), "resolution", old=whole, new=newer) == ["part-version"]


def test_an_effect_says_where_and_what() -> None:
    before = item({"name": "a"} | TEXT, {"name": "size"} | PICK)
    after = item({"name": "size"} | PICK | {"oneof": ["m"]}, {"name": "a"} | TEXT)
    [effect] = found(before, after)
    assert effect.as_json() == {
        "code": "option-removed",
        "breaking": True,
        "pointer": "/presentation/fields/0/oneof",
        "message": "'size' lost an option: orders that name it are refused",
        "before": ["s", "m"],
        "after": ["m"],
    }
    [gone] = found(before, item({"name": "size"} | PICK))
    assert gone.as_json()["pointer"] == "/presentation/fields/0"
    assert "after" not in gone.as_json()


@pytest.mark.parametrize(
    ("version", "newer", "reminded"),
    [
        *(("1.0.0", "1.1.0", True), ("1.0.0", "1.0.0", True), ("1.2.0", "2.0.0", False)),
        *(("0.1.0", "0.1.9", True), ("0.1.0", "0.2.0", False), ("1.0.0-rc.1", "1.0.0", True)),
    ],
)
def test_a_version_that_promises_too_much_is_told(version: str, newer: str, reminded: bool) -> None:
    before, after = item(OTHER, version=version), item(version=newer)
    codes = [one.code for one in effects("changed", before, after, Served(), Served())]
    assert codes == ["field-removed", *["version-understates"] * reminded]


# the judge

ANY = st.sampled_from(["", "a", "ab", "abc", "x@y.org", 0, 1, 2, 3, 5, 10, 0.5, 101, True, False])
DATES = st.sampled_from(["2026-03-01", "2026-03-05", "2027-01-01", "2026-03-05T10:00"])


def field_of(kind: str, /, **keys: Any) -> st.SearchStrategy[dict[str, Any]]:
    common = {
        "required": st.booleans(),
        "readonly": st.booleans(),
        "conditional": st.sampled_from(["x", ["x", "y"]]).map(
            lambda value: {"field": "other", "value": value}
        ),
    }
    chosen = st.fixed_dictionaries({}, optional=common | keys)
    return chosen.map(lambda field: {"name": "size", "type": kind} | field)


small = st.integers(0, 4)
numbers = {
    "min_value": st.integers(-2, 3),
    "max_value": st.integers(3, 10),
    "step": st.sampled_from([1, 2, 3, 5]),
    "precision": st.integers(0, 2),
    "default": small,
}
FORMS = st.one_of(
    *(
        field_of(
            kind,
            min_length=small,
            max_length=st.integers(2, 5),
            regexp=st.sampled_from(["a", "^a*$"]),
            format=st.sampled_from(["email", "hostname"]),
            default=st.sampled_from(["a", "ab"]),
        )
        for kind in ("string", "textarea")
    ),
    *(field_of(kind, **numbers) for kind in ("integer", "int", "number", "percentage")),
    field_of("boolean", default=st.booleans()),
    field_of("date", min_date=DATES, max_date=DATES),
    st.builds(
        lambda field, options: field | {"oneof": options},
        field_of("selection", allow_custom=st.booleans()),
        st.lists(st.sampled_from(["a", "ab", 1, "1"]), min_size=1, unique_by=repr),
    ),
    st.builds(
        lambda field, options: field | {"options": options},
        field_of("multiselect", min_selections=small, max_selections=st.integers(1, 4)),
        st.lists(st.sampled_from(["a", "ab", 1]), min_size=1, unique_by=repr),
    ),
)
VALUES = st.one_of(ANY, DATES, st.lists(st.sampled_from(["a", "ab", 1]), unique_by=repr))
ORDERS = st.fixed_dictionaries(
    {}, optional={"size": VALUES, "other": st.sampled_from(["x", "y", "z"])}
)


def pairs() -> st.SearchStrategy[tuple[Any, Any]]:
    """Two fields of the same type more often than not, as an author changes them."""
    same = st.one_of(*(st.tuples(form, form) for form in FORMS.branches))
    return st.one_of(same, same, st.tuples(st.none() | FORMS, st.none() | FORMS))


def is_refused_anew(before: Any, after: Any, order: dict[str, Any]) -> bool:
    """Say whether an order was good. What was sent unasked was not looked at: that is no order."""
    if "size" in order and before is not None:
        before = {key: value for key, value in before.items() if key != "conditional"}
    first, then = (item(OTHER, *([field] if field else [])) for field in (before, after))
    return not check_parameters(first, order) and bool(check_parameters(then, order))


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(pairs(), st.lists(ORDERS, min_size=8, max_size=8))
def test_an_order_that_is_refused_anew_is_announced(
    pair: tuple[Any, Any], orders: list[dict[str, Any]]
) -> None:
    broken = [order for order in orders if is_refused_anew(*pair, order)]
    if broken:
        documents = [item(OTHER, *([field] if field else [])) for field in pair]
        assert any(one.breaking for one in found(*documents)), (pair, broken)
