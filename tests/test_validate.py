"""The verdict on a file: on good ones, bad ones, and on anything that can be pushed."""

import json
import random
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paod.codes import CODES
from paod.model import ExaminedFile, Place, Problem, Reference
from paod.validate import Rules, examine, is_document_path, parse_text, refuse

DATA = Path(__file__).parent / "data"
INVALID = sorted((DATA / "invalid").glob("*.json"))
VALID = sorted((DATA / "valid").rglob("*.y*ml"))
STORY = "catalog/databases/postgres-database.yaml"
BY_THE_FOLD = {
    *("duplicate-name", "version-conflict", "version-regression", "unresolved-item"),
    "rename-without-effect",
}
"""Codes that no file has by itself: the tests of the fold and of resolution show them."""

GOOD = (DATA / "invalid" / "unknown-category.yaml").read_bytes()


def told(problems: tuple[Problem, ...]) -> list[dict[str, Any]]:
    """Return problems as the files of expectations hold them."""
    return [
        {key: value for key, value in problem.as_json().items() if key not in ("path", "commit")}
        for problem in problems
    ]


@pytest.mark.parametrize("expected", INVALID, ids=lambda path: path.stem)
def test_an_invalid_file_has_the_problems_that_stand_beside_it(expected: Path) -> None:
    case = json.loads(expected.read_text("utf-8"))
    categories = frozenset(case["categories"]) if "categories" in case else None
    rules = Rules(categories=categories, max_file_bytes=case.get("max_file_bytes", 262_144))
    if "refused" in case:
        file = refuse(case["path"], "0" * 40, case["refused"], rules)
    else:
        file = examine(case["path"], expected.with_suffix(".yaml").read_bytes(), "0" * 40, rules)
    assert told(file.problems) == case["problems"]
    assert all(problem.path == case["path"] for problem in file.problems)
    assert (file.document is None) == any(one.severity == "error" for one in file.problems)


def test_every_problem_says_how_to_mend_it() -> None:
    for expected in [*INVALID, *(DATA / "invalid").glob("*/problems.json")]:
        case = json.loads(expected.read_text("utf-8"))
        problems = case if isinstance(case, list) else case["problems"]
        assert problems
        assert all(one["message"] and one["hint"] for one in problems), expected.name


def test_every_code_has_an_invalid_file() -> None:
    shown: set[str] = set()
    for expected in INVALID:
        shown |= {one["code"] for one in json.loads(expected.read_text("utf-8"))["problems"]}
    assert shown == CODES.keys() - BY_THE_FOLD
    assert CODES.keys() - BY_THE_FOLD <= {expected.stem for expected in INVALID}


@pytest.mark.parametrize("file", VALID, ids=lambda path: path.stem)
def test_a_valid_file_is_a_document_without_problems(file: Path) -> None:
    path = file.relative_to(DATA / "valid").as_posix()
    assert is_document_path(path, Rules())
    examined = examine(path, file.read_bytes(), "0" * 40, Rules())
    assert examined.problems == ()
    assert examined.document is not None
    assert examined.document.name == examined.name == file.stem


def test_a_document_is_canonical_and_knows_its_places() -> None:
    data = (
        b"tags: [b, a]\nname: stack\nversion: 1.0.0\nowner: o\ndescription: \xc3\xa4\n"
        b"renamed_from: old\nbundle:\n  required_items:\n"
        b"    - {version: '>=1.0.0', catalog_item: db}\n  optional_items: [{catalog_item: cache}]\n"
        b"dependencies: [registry]\n"
    )
    document = examine("catalog/stacks/stack.yaml", data, "0" * 40, Rules()).document
    assert document is not None
    assert (document.key, document.version) == (("bundle", "stack"), "1.0.0")
    assert document.content.startswith('{"bundle":{"optional_items":[{"catalog_item":"cache"}],')
    assert "ä" in document.content
    assert (
        document.content
        == orjson.dumps(orjson.loads(document.content), option=orjson.OPT_SORT_KEYS).decode()
    )
    assert (document.name_place, document.version_place) == (Place(2, 7), Place(3, 10))
    assert (document.renamed_from, document.renamed_place) == ("old", Place(6, 15))
    pointers = ("/bundle/required_items/0/catalog_item", "/bundle/optional_items/0/catalog_item")
    assert document.references == (
        Reference("required_item", "db", ">=1.0.0", pointers[0], Place(9, 42)),
        Reference("optional_item", "cache", "", pointers[1], Place(10, 35)),
        Reference("dependency", "registry", "", "/dependencies/0", Place(11, 16)),
    )


def test_comments_layout_and_order_make_no_difference() -> None:
    one = examine(STORY, GOOD, "1" * 40, Rules()).document
    lines = GOOD.decode().split("\n")
    shuffled = "# moved\r\n" + "\r\n".join([*lines[1:5], lines[0], *lines[5:]])
    other = examine(
        STORY, shuffled.replace('"1.0.0"', "1.0.0").encode(), "2" * 40, Rules()
    ).document
    assert one is not None
    assert other is not None
    assert one.content_hash == other.content_hash
    assert one.source_hash != other.source_hash


def test_a_problem_says_all_that_the_author_needs() -> None:
    data = GOOD.replace(b"type: string", b"type: strng")
    (problem,) = examine(STORY, data, "0" * 40, Rules()).problems
    assert problem.as_json() == {
        "code": "unknown-type",
        "severity": "error",
        "path": STORY,
        "line": 10,
        "column": 13,
        "pointer": "/presentation/fields/0/type",
        "message": "'strng' is not a field type",
        "hint": "did you mean 'string'?",
        "document": "postgres-database",
        "commit": None,
    }


def test_a_warning_leaves_the_document_good() -> None:
    file = examine("catalog/databases/other.yaml", GOOD, "0" * 40, Rules())
    assert [problem.code for problem in file.problems] == ["path-mismatch"]
    assert file.document is not None


def test_errors_are_shown_before_warnings_where_there_are_too_many() -> None:
    notes = "".join(f"note_{n}: x\n" for n in range(80)).encode()
    file = examine(STORY, notes + GOOD.replace(b"type: string", b"type: strng"), "0" * 40, Rules())
    assert file.document is None
    assert len(file.problems) == 51
    assert [one.code for one in file.problems if one.severity == "error"] == ["unknown-type"]
    assert file.problems[-1].code == "more-problems"
    assert "31 more" in file.problems[-1].message


def test_a_file_with_no_end_of_problems_is_bad() -> None:
    notes = "".join(f"note_{n}: x\n" for n in range(600)).encode()
    file = examine(STORY, notes + GOOD, "0" * 40, Rules())
    assert file.document is None
    assert {"too-complex", "unknown-key", "more-problems"} == {one.code for one in file.problems}


def test_values_do_not_reach_messages() -> None:
    secret = b"hunter2 correct horse"
    data = GOOD.replace(b"name: postgres-database", b"name: " + secret)
    data = data.replace(b"system: jira", b"system: " + secret)
    file = examine(STORY, data.replace(b'"1.0.0"', secret), "0" * 40, Rules())
    assert len(file.problems) >= 3
    assert not any("hunter2" in one.message + one.hint for one in file.problems)


@pytest.mark.parametrize("size", [262_144, 262_145])
def test_the_size_limit_holds_to_the_last_byte(size: int) -> None:
    data = GOOD + b"#" * (size - len(GOOD))
    codes = [one.code for one in examine(STORY, data, "0" * 40, Rules()).problems]
    assert codes == (["too-large"] if size > 262_144 else [])


def test_a_root_of_several_folders() -> None:
    rules = Rules(root="services/catalog")
    assert is_document_path("services/catalog/databases/a.yaml", rules)
    assert not is_document_path("catalog/databases/a.yaml", rules)
    path = "services/catalog/databases/postgres-database.yaml"
    assert examine(path, GOOD, "0" * 40, rules).problems == ()


def test_a_text_without_a_path_is_checked_alike() -> None:
    assert parse_text(GOOD, Rules()) == ()
    assert "missing-key" in [one.code for one in parse_text(b"name: 3", Rules())]
    document = {"name": "a", "version": "1.0.0", "description": "\U0001f600", "owner": "o"}
    document |= {"tags": [], "presentation": {"fields": []}}
    document |= {"fulfillment": {"manual": {"system": "email", "template": {}}}}
    assert parse_text(json.dumps(document, indent="\t").encode(), Rules()) == ()
    assert parse_text(json.dumps(document).encode(), Rules()) == ()


def sound(file: ExaminedFile) -> None:
    """Assert what holds of any verdict at all."""
    bad = any(one.severity == "error" for one in file.problems)
    assert (file.document is None) == bad
    assert len(file.problems) <= 51
    for one in file.problems:
        assert one.code in CODES
        assert one.code != "crashes-parser"
        assert one.line >= 1
        assert one.column >= 1
        assert "\0" not in one.message + one.hint + one.pointer + (one.document or "")
        assert len(one.message) < 1000
        orjson.dumps(one.as_json())
    if file.document is not None:
        assert "\0" not in file.document.content
        assert json.loads(file.document.content)["name"] == file.document.name


@settings(max_examples=800, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda t: t.encode())))
def test_any_bytes_get_a_verdict(data: bytes) -> None:
    sound(examine(STORY, data, "0" * 40, Rules()))
    parse_text(data, Rules())


TOKENS = st.sampled_from(
    [
        *[
            "\n",
            " ",
            "  ",
            "- ",
            ": ",
            ":",
            "[",
            "]",
            "{",
            "}",
            ",",
            "#",
            "&a ",
            "*a",
            "<<: ",
            "? ",
        ],
        *[
            "|\n",
            ">\n",
            "'",
            '"',
            "\\",
            "!!int ",
            "!x ",
            "%",
            "@",
            "`",
            "~",
            "---\n",
            "...\n",
            "\t",
        ],
        *["name", "version", "tags", "bundle", "presentation", "fields", "type", "string", "oneof"],
        *["1", "1.5", ".nan", "0x", "true", "null", "1e999", "{{ a }}", "{%", "é", "\u2028", "\0"],
    ]
)


@settings(max_examples=800, deadline=None)
@given(st.lists(TOKENS, max_size=40).map("".join))
def test_any_yaml_gets_a_verdict(text: str) -> None:
    sound(examine(STORY, text.encode(), "0" * 40, Rules()))


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(VALID), st.integers(0, 2**32))
def test_any_mutation_of_a_valid_file_gets_a_verdict(file: Path, seed: int) -> None:
    data = bytearray(file.read_bytes())
    chance = random.Random(seed)
    for _ in range(chance.randint(1, 6)):
        at = chance.randrange(len(data))
        span = chance.choice([1, 1, 5, 40])
        piece = bytes(data[chance.randrange(len(data)) :][:span])
        new = chance.choice([b"", piece, piece * 3, bytes([chance.randrange(256)]), b"\n", b": "])
        data[at : at + chance.choice([0, 1, span])] = new
    sound(examine(file.relative_to(DATA / "valid").as_posix(), bytes(data), "0" * 40, Rules()))


HEAD = "name: ant\ndescription: d\nowner: o\ntags: []\n"
REST = "version: 1.0.0\nfulfillment: {manual: {system: email, template: {to: t}}}\n"
FIELD = "presentation:\n  fields:\n    - name: size\n      type: {}\n      {}\n"
TASK = "fulfillment: {{manual: {{system: email, template: {{to: t, s: {}}}}}}}\n"
FORM = "presentation: {fields: [{name: team-name, type: string}, {name: a_b, type: string}]}\n"


@pytest.mark.parametrize(
    ("text", "place", "hint"),
    [
        (HEAD + "version: 1.0\n", (5, 10), '"1.0.0"'),
        (HEAD + "version: 1.10\n", (5, 10), '"1.10.0"'),
        (HEAD + "version: 2\n", (5, 10), '"2.0.0"'),
        (HEAD + "version: \u201c1.0.0\u201d\n", (5, 10), "typographic quotes"),
        ("name: \u2018ant\u2019\n", (1, 7), "typographic quotes"),
        ("\u201cname\u201d: ant\n", (1, 1), "typographic quotes"),
        ("name: ant\u00a0\n", (1, 7), "write a common space"),
        (FIELD.format("integer", "min_value: 010"), (5, 18), "plain number: 10"),
        (FIELD.format("integer", "min_value: 1_000"), (5, 18), "plain number: 1000"),
        (FIELD.format("integer", 'min_value: "5"'), (5, 18), "write 5, without quotes"),
        (FIELD.format("boolean", "required: no"), (5, 17), "write false, without quotes"),
        (FIELD.format("boolean", 'default: "false"'), (5, 16), "write false, without quotes"),
        (FIELD.format("integer", 'default: "5"'), (5, 16), "write 5, without quotes"),
        (FIELD.format("string", "default: 5"), (5, 16), 'quote it: "5"'),
        (FIELD.format("string", "help_text: 5"), (5, 18), 'quote it: "5"'),
        ("presentation:\n  fields:\n    -name: a\n", (3, 5), "'- name: …'"),
        ("presentation:\n  fields:\n    -name: a\n     type: b\n", (3, 5), "'- name: …'"),
        ("a:\n  - b: 1\n    c: 2\n - b: 3\n", (4, 2), "begin it in column 3"),
        (FORM + TASK.format("'is {{ team-name }}'"), (2, 67), "call the field team_name"),
        (FORM + TASK.format("'{{ a-b }}'"), (2, 64), "call it a_b"),
        (FORM + TASK.format("'is {{ a_b }} {{ a_c }}'"), (2, 77), "did you mean 'a_b'?"),
        (FORM + TASK.format("'is {{ a_b }} {{ a_b } }}'"), (2, 74), "write {{ name }}"),
    ],
)
def test_a_hint_is_made_from_what_stands_there(
    text: str, place: tuple[int, int], hint: str
) -> None:
    found = [one for one in parse_text(text.encode(), Rules()) if hint in one.hint]
    assert [(one.line, one.column) for one in found] == [place], parse_text(text.encode(), Rules())


def test_keys_that_one_mapping_lacks_are_one_finding_with_lines_to_paste() -> None:
    (found,) = parse_text(b"name: ant\nversion: 1.0.0\n", Rules())
    assert (found.line, found.column, found.code) == (1, 1, "missing-key")
    assert found.message.startswith("'description', 'owner', 'tags', 'presentation' and 'fulf")
    first, *lines = found.hint.split("\n")
    assert first == "add these lines:"
    mended = "name: ant\nversion: 1.0.0\n" + "\n".join(lines)
    assert parse_text(mended.encode(), Rules()) == ()


@pytest.mark.parametrize(
    "field", ["    - label: x\n", "    -   label: x\n", "    -\n      label: x\n", "  - label: x\n"]
)
def test_lines_to_paste_are_as_far_in_as_their_mapping(field: str) -> None:
    text = f"""\
name: ant
version: 1.0.0
description: An ant.
owner: team
tags: [a]
presentation:
  fields:
{field}"""
    rest = """\
fulfillment:
  manual:
    system: jira
    template: {project: A, issue_type: B, summary: C}
"""
    (found,) = (
        one for one in parse_text((text + rest).encode(), Rules()) if one.code == "missing-key"
    )
    _, *lines = found.hint.split("\n")
    assert len(lines) > 1
    mended = text + "\n".join(lines) + "\n" + rest
    assert "missing-key" not in {one.code for one in parse_text(mended.encode(), Rules())}
    assert not [one for one in parse_text(mended.encode(), Rules()) if one.code == "yaml-syntax"]


def test_keys_that_braces_lack_are_told_for_braces() -> None:
    text = b"name: ant\npresentation: {fields: [{label: x}]}\n"
    hints = [one.hint for one in parse_text(text, Rules()) if one.line == 2]
    assert any(hint.startswith("add in the braces: name: ") for hint in hints), hints
