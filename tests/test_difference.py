"""Differences between two revisions, key by key."""

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paod.difference import differences

ITEM = {
    "name": "postgres-database",
    "version": "1.0.0",
    "tags": ["database", "storage"],
    "presentation": {
        "fields": [
            {"name": "size", "type": "string", "default": "s"},
            {"name": "backup", "type": "boolean"},
        ]
    },
}
FIELDS = ITEM["presentation"]["fields"]
SIZE, BACKUP = FIELDS
FIELDS_AT = "/presentation/fields"


def changed(**keys) -> dict:
    return {**copy.deepcopy(ITEM), **keys}


def with_fields(*fields: dict) -> dict:
    return changed(presentation={"fields": list(fields)})


def told(before: dict, after: dict) -> list[tuple]:
    rows = [one.as_json() for one in differences(before, after)]
    return [(row["change"], row["path"], row["pointer"]) for row in rows]


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (ITEM, []),
        (changed(version="1.1.0"), [("changed", "version", "/version")]),
        (changed(owner="x"), [("added", "owner", "/owner")]),
        ({"name": "postgres-database"}, [("removed", key, f"/{key}") for key in list(ITEM)[:0:-1]]),
        (changed(tags=["storage", "database"]), [("changed", "tags", "/tags")]),
        (changed(**{"x-a/b~c": 1}), [("added", "x-a/b~c", "/x-a~1b~0c")]),
        (
            with_fields({**SIZE, "default": "m"}, BACKUP),
            [("changed", "presentation.fields[size].default", f"{FIELDS_AT}/0/default")],
        ),
        (
            with_fields({"name": "zone", "type": "string"}, *FIELDS),
            [("added", "presentation.fields[zone]", f"{FIELDS_AT}/0")],
        ),
        (with_fields(BACKUP), [("removed", "presentation.fields[size]", f"{FIELDS_AT}/0")]),
        (with_fields(SIZE), [("removed", "presentation.fields[backup]", f"{FIELDS_AT}/1")]),
        (with_fields(BACKUP, SIZE), [("reordered", "presentation.fields", FIELDS_AT)]),
        (with_fields(), [("changed", "presentation.fields", FIELDS_AT)]),
        (with_fields(SIZE, SIZE), [("changed", "presentation.fields", FIELDS_AT)]),
    ],
)
def test_what_differs_is_told_key_by_key(after, expected):
    assert sorted(told(ITEM, after)) == sorted(expected)


def test_a_part_is_known_by_the_item_it_names():
    before = {"bundle": {"required_items": [{"catalog_item": "a", "version": "1"}]}}
    after = {"bundle": {"required_items": [{"catalog_item": "a", "version": "2"}]}}
    [row] = [one.as_json() for one in differences(before, after)]
    assert row == {
        "change": "changed",
        "path": "bundle.required_items[a].version",
        "pointer": "/bundle/required_items/0/version",
        "before": "1",
        "after": "2",
    }


@pytest.mark.parametrize(("old", "new"), [(1, True), (0, False), (None, 0), (1, 1.0)])
def test_values_of_another_type_differ(old, new):
    assert told({"default": old}, {"default": new}) == [("changed", "default", "/default")]


def test_an_absent_value_is_not_shown_and_null_is():
    [added] = differences({}, {"a": None})
    assert added.as_json() == {"change": "added", "path": "a", "pointer": "/a", "after": None}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from("ab"),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "x", "y"]), inner, max_size=3)
    ),
    max_leaves=10,
)
DOCUMENTS = st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3)


@given(DOCUMENTS, DOCUMENTS)
def test_there_are_differences_exactly_where_two_documents_differ(before, after):
    assert bool(differences(before, after)) == (repr_of(before) != repr_of(after))
    assert differences(before, copy.deepcopy(before)) == []


def repr_of(value):
    """Tell 1 from True, which Python holds equal, and do not mind the order of keys."""
    if isinstance(value, dict):
        return "map", sorted((key, repr_of(one)) for key, one in value.items())
    if isinstance(value, list):
        return "list", [repr_of(one) for one in value]
    return "scalar", repr(value)
