"""Any bytes become a value with places, or findings: soon, and without a crash."""

import json
import time
from typing import Any

import pytest

from paod.document import Reading, decode, read
from paod.finding import Finding
from paod.model import Place
from paod.validate import Rules, parse_text


def codes(reading: Reading) -> list[str]:
    return [finding.code for finding in reading.findings]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("null", None),
        ("12", 12),
        ("-12", -12),
        ("+3", 3),
        ("0o17", 15),
        ("0x1F", 31),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("no", "no"),
        ("on", "on"),
        ("YES", "YES"),
        ("1:30", "1:30"),
        ("22:22", "22:22"),
        ("1_000", "1_000"),
        ("0123", "0123"),
        ("2001-01-01", "2001-01-01"),
        ("2001-13-45T99:99:99-99:99", "2001-13-45T99:99:99-99:99"),
        ("1.2.3", "1.2.3"),
        ("0x_", "0x_"),
        ("tRuE", "tRuE"),
        ("'12'", "12"),
        ("!!str 12", "12"),
        ("!!int '12'", 12),
        ("!!float 1", 1.0),
        ("!!bool true", True),
        ("!!timestamp 2001-01-01", "2001-01-01"),
        ("!!map {}", {}),
        ("!!seq []", []),
    ],
)
def test_a_scalar_means_what_the_core_schema_says(text: str, value: Any) -> None:
    reading = read(f"key: {text}")
    assert reading.findings == ()
    assert reading.value == {"key": value}
    assert reading.value is not None
    assert type(reading.value["key"]) is type(value)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("key: .nan", "bad-number"),
        ("key: -.INF", "bad-number"),
        ("key: 1.0e+400", "bad-number"),
        ("key: 9223372036854775808", "bad-number"),
        (f"key: {'9' * 100_000}", "too-complex"),
        (f"key: {'9' * 60_000}", "bad-number"),
        (f"key: 0x{'f' * 60_000}", "bad-number"),
        ("1: a", "bad-key"),
        ("1.5: a", "bad-key"),
        ("true: a", "bad-key"),
        ("~: a", "bad-key"),
        ("? [a]\n: b", "yaml-syntax"),
        ("? {a: b}\n: c", "yaml-syntax"),
        ("key: !!python/object/apply:os.system [ls]", "unsafe-tag"),
        ("key: !foo bar", "unsafe-tag"),
        ("key: !!binary aGk=", "unsafe-tag"),
        ("key: !!set {a, b}", "unsafe-tag"),
        ("key: !!omap [a: b]", "unsafe-tag"),
        ("key: !!map [a]", "unsafe-tag"),
        ("key: =", "unsafe-tag"),
        ("key: <<", "unsafe-tag"),
        ("<<: 3", "unsafe-tag"),
        ("<<: [3]", "unsafe-tag"),
        ("key: !!int ''", "yaml-syntax"),
        ("key: !!bool foo", "yaml-syntax"),
        ("key: !!float foo", "yaml-syntax"),
        ("key: !!timestamp foo", "yaml-syntax"),
        ("key: !!null x", "yaml-syntax"),
        ('key: "\\0"', "bad-character"),
        ('"\\0": key', "bad-character"),
        ('key: "\\uD800"', "bad-character"),
        ('key: "\\UFFFFFFFF"', "bad-character"),
        ("key: \x01", "bad-character"),
        ("key: \x7f", "bad-character"),
        ("a: 1\nb: 2\na: 3", "duplicate-key"),
        ("a: {b: 1, b: 2}", "duplicate-key"),
        ("x: &x {a: 1}\n<<: *x\n<<: *x", "duplicate-key"),
        ("- a", "not-a-mapping"),
        ("text", "not-a-mapping"),
        ("null", "not-a-mapping"),
        ("", "empty-document"),
        ("# nothing\n", "empty-document"),
        ("---", "empty-document"),
        (" \n\n", "empty-document"),
        ("a: 1\n---\nb: 2", "multiple-documents"),
        ("%YAML 9.9\n---\na: b", "yaml-syntax"),
        ("...", "yaml-syntax"),
        ("a: b: c", "yaml-syntax"),
        ("a: 'b", "yaml-syntax"),
        ("a: [b", "yaml-syntax"),
        ("a:\n\tb: c", "yaml-syntax"),
        ("a: *nobody", "yaml-syntax"),
        ("a: &x 1\nb: &x 2", "yaml-syntax"),
        ("a: @b", "yaml-syntax"),
    ],
)
def test_a_fault_has_its_code(text: str, code: str) -> None:
    reading = read(text)
    assert codes(reading) == [code]
    assert all(finding.place is not None for finding in reading.findings) or text.strip() in (
        "",
        "# nothing",
        "---",
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\nb:\n  - 2\n  - .nan", Place(4, 5)),
        ("a: é\né: \x01", Place(2, 4)),
        ("a: 1\r\nb: .inf", Place(2, 4)),
        ("a: 1\na: 2", Place(2, 1)),
        ("a: 1\n---\n", Place(2, 1)),
        ("äöü: .nan", Place(1, 6)),
    ],
)
def test_a_fault_has_its_place_in_characters(text: str, place: Place) -> None:
    assert [finding.place for finding in read(text).findings] == [place]


def test_every_fault_is_found_at_once_and_the_rest_is_read() -> None:
    reading = read("a: .nan\nb: {c: 1, c: 2}\n3: x\nd: !foo x\ne: fine")
    assert codes(reading) == ["bad-number", "duplicate-key", "bad-key", "unsafe-tag"]
    assert reading.value == {"a": None, "b": {"c": 1}, "d": None, "e": "fine"}
    assert [finding.path for finding in reading.findings] == [("a",), ("b", "c"), ("3",), ("d",)]


def test_a_duplicate_names_both_lines() -> None:
    (finding,) = read("a: 1\nb: 2\na: 3").findings
    assert "line 1 and line 3" in finding.message


def test_merge_keys_give_what_the_mapping_lacks() -> None:
    reading = read("x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz: {<<: [*x, *y], c: 5}")
    assert reading.findings == ()
    assert reading.value is not None
    assert reading.value["z"] == {"a": 1, "b": 2, "c": 5}
    assert reading.place(("z", "a")) == Place(1, 11)
    assert reading.place(("z", "c"), on_key=True) == Place(3, 19)


def test_places_of_keys_values_and_what_is_missing() -> None:
    reading = read("name: a\nlist:\n  - one\n  - key: two\n")
    assert reading.place(("list", 1, "key")) == Place(4, 10)
    assert reading.place(("list", 1, "key"), on_key=True) == Place(4, 5)
    assert reading.place(("list", 0), on_key=True) == Place(3, 5)
    assert reading.place(("list", 1, "lost")) == Place(4, 5)
    assert reading.place(("list", 9)) == Place(3, 3)
    assert reading.place(()) == Place(1, 1)


def nested(depth: int) -> str:
    """Return a document whose innermost collection lies at a depth; the root is the first."""
    return f"a: {'[' * (depth - 1)}{']' * (depth - 1)}"


def wide(nodes: int) -> str:
    """Return a document of so many nodes: the root, a key, a list, and its entries."""
    return f"a: [{','.join('1' * (nodes - 3))}]"


def aliases(count: int) -> str:
    return "a: &a 1\nb: [" + ",".join(["*a"] * count) + "]"


def bomb(levels: int) -> str:
    lines = ["l0: &l0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, levels):
        lines.append(f"l{level}: &l{level} [{', '.join([f'*l{level - 1}'] * 10)}]")
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("inside", "beyond"),
    [
        (nested(32), nested(33)),
        (wide(20_000), wide(20_001)),
        (aliases(100), aliases(101)),
        (bomb(4), bomb(5)),
        (f"a: '{'x' * 65_536}'", f"a: '{'x' * 65_537}'"),
        (f"a: '{'é' * 32_768}'", f"a: '{'é' * 32_769}'"),
        (f"{'k' * 256}: 1", f"{'k' * 257}: 1"),
    ],
    ids=["depth", "nodes", "aliases", "expanded", "scalar", "scalar-bytes", "key"],
)
def test_a_budget_holds_to_the_last_unit(inside: str, beyond: str) -> None:
    assert codes(read(inside)) == []
    assert codes(read(beyond)) == ["too-complex"]


@pytest.mark.parametrize(
    "text",
    [
        "[" * 30_000,
        "[" * 3_000_000,
        "- " * 1_000_000,
        "{a: " * 100_000,
        "? " * 100_000,
        "a: &a [*a]",
        "a: &a {b: *a}",
        "a: &a\n  <<: *a",
        bomb(9),
        "a: &a {" + ",".join(f"k{n}: 1" for n in range(250)) + "}\nb:\n" + "  - <<: *a\n" * 99,
        "[" + "1," * 120_000 + "]",
        "a: 1\n" * 50_000,
    ],
    ids=range(12),
)
def test_what_would_end_the_process_is_refused_soon(text: str) -> None:
    begun = time.process_time()
    assert codes(read(text)) == ["too-complex"]
    assert time.process_time() - begun < 2


@pytest.mark.parametrize(
    ("data", "code", "place"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "lfs-pointer", None),
        ("name: ä".encode("utf-16"), "not-utf8", Place(1, 1)),
        ("name: a".encode("utf-16-le"), "not-utf8", Place(1, 1)),
        ("name: a".encode("utf-32-be"), "not-utf8", Place(1, 1)),
        ("a: b\nname: ä".encode("latin-1"), "not-utf8", Place(2, 7)),
    ],
)
def test_what_is_no_text_is_refused(data: bytes, code: str, place: Place | None) -> None:
    finding = decode(data)
    assert isinstance(finding, Finding)
    assert (finding.code, finding.place) == (code, place)


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert decode(b"\xef\xbb\xbfname: a") == "name: a"


GRIN = "\\ud83d\\ude00"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f'"{GRIN}"', "😀"),
        (f'"{GRIN.upper().replace("U", "u")}{GRIN}"', "😀😀"),
        (f"'{GRIN}'", GRIN),
        (GRIN, GRIN),
        (f"|\n  {GRIN} \\uD83D\\uDE00", f"{GRIN} \\uD83D\\uDE00"),
        (f'"\ue83d\uea00{GRIN}"', "\ue83d\uea00😀"),
        (f'"\\ue83d\\uea00{GRIN}"', "\ue83d\uea00😀"),
        (f'"\ue800\ua800{GRIN}"', "\ue800\ua800😀"),
        (f'"\\\\ud83d {GRIN}"', "\\ud83d 😀"),
    ],
)
def test_two_escapes_of_json_are_one_character(text: str, value: str) -> None:
    reading = read(f"a: {text}\nb: .nan")
    assert reading.value is not None
    assert reading.value["a"].rstrip("\n") == value
    assert [found.place for found in reading.findings] == [Place(3 if "\n" in text else 2, 4)]


@pytest.mark.parametrize("text", ['"\\ud83d"', '"\\ude00"', '"\\ud83d x"', '"\\\\ud83d\\ude00"'])
def test_half_a_pair_is_no_character(text: str) -> None:
    assert codes(read(f"a: {text}")) == ["bad-character"]


def test_whatever_json_writes_is_read() -> None:
    value = {"name": "a", "😀": ["😀\u2028\x85é\ue800", "\U0010ffff"]}
    assert read(json.dumps(value)).value == value
    assert read(json.dumps(value, ensure_ascii=False, indent=1)).value == value


@pytest.mark.parametrize("mark", ["\x85", "\u2028", "\u2029"])
@pytest.mark.parametrize("form", ["{}", "'{}'", '"{}"', "|-\n  {}", ">-\n  {}"])
def test_only_lf_crlf_and_cr_end_a_line(mark: str, form: str) -> None:
    text = f"a: {form.format(f'x{mark}y{mark} z')}\n{mark}k: 1 # {mark}\nb: .nan"
    reading = read(text)
    assert reading.value == {"a": f"x{mark}y{mark} z", f"{mark}k": 1, "b": None}
    (finding,) = reading.findings
    assert finding.place == Place(text.count("\n") + 1, 4)


def test_letters_that_stand_in_for_others_are_not_lost() -> None:
    taken = "".join(chr(0xF0000 + number) for number in range(5))
    text = f'a: "{taken}\\U000F0005\u2028"'
    assert read(text).value == {"a": f"{taken}\U000f0005\u2028"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_end_of_a_line_counts_once(end: str) -> None:
    text = end.join(["a: |", "  x", "", "  y", "b: .nan", ""])
    reading = read(text)
    assert reading.value == {"a": "x\n\ny\n", "b": None}
    assert [found.place for found in reading.findings] == [Place(5, 4)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1\n\t\nb: 2\n", {"a": 1, "b": 2}),
        ("a: 1\r\n \t \r\nb: 2", {"a": 1, "b": 2}),
        ("\t# said\na:\n\t # more\n  b: 1\n\t", {"a": {"b": 1}}),
        ("a: |\n  x\n\t\n  y\n  \t\n  z\n\t\nb: 2", {"a": "x\n\ny\n\t\nz\n", "b": 2}),
        ("a: >\n  x\n  \t# y\n", {"a": "x\n\t# y\n"}),
        ("a: 'x\n\t\n  y'\nb:\n  - z\n\t\n  - w", {"a": "x\ny", "b": ["z", "w"]}),
    ],
)
def test_a_tab_indents_nothing_on_a_line_without_content(text: str, value: object) -> None:
    reading = read(text)
    assert reading.findings == ()
    assert reading.value == value


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a:\n\u00a0\u00a0b: c\n", (2, 1)),
        ("a:\n  b: 1\n \u00a0c: 2\n", (3, 2)),
        ("a:\n\u3000- b\n", (2, 1)),
        ("a:\n  b:\n  \u202fc: 1\n", (3, 3)),
    ],
)
def test_a_space_that_is_none_is_named(text: str, place: tuple[int, int]) -> None:
    (finding,) = read(text).findings
    assert finding.message == "a space that YAML takes for a letter stands here"
    assert finding.place == Place(*place)


@pytest.mark.parametrize("value", ["#\ufe0f\u20e3 first", "  #1", "\t#x"])
def test_what_a_hash_made_a_comment_is_said(value: str) -> None:
    problems = parse_text(f"name: a\ndescription: {value}\n".encode(), Rules())
    (hint,) = [one.hint for one in problems if one.pointer == "/description"]
    assert hint == "the # begins a comment: quote the value"


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        ("a: 1\nb: [\n", (2, 4), "a [ or { is never closed", "close it"),
        ("a: [1, 2\nb: 3\n", (1, 4), "the [ is not closed", "close it"),
        ("a: {x: 1\nb: 3\n", (1, 4), "the { is not closed", "close it"),
        ('a: "abc\nb: 3\n', (1, 4), "the quote is never closed", "close it"),
        ("a: {{ n }} order\nb: 1\n", (1, 12), "a template stands without quotes", '"{{ … }}"'),
        ("a:\n  b: {{ n }}\n", (2, 7), "a list or mapping cannot be a key", '"{{ … }}"'),
        ("a: 1\noops\n", (2, 1), "a line has no ':' after its key", "write 'key: value'"),
        ("a:\n  b: 1\n  c\nd: 1\n", (3, 3), "a line has no ':' after its key", "indent it"),
        ("a:\n\t- x\n", (2, 1), "a tab stands in the indentation", "indent with spaces"),
        ("a: @x\n", (1, 4), "a value begins with @", "quote the value"),
        ("a: x: y\n", (1, 5), "a ':' stands where no key can be", "quote a value"),
        ("a: 1\n- b\n", (2, 1), "the line does not go on with", "check the indentation"),
        ("- a\nb: 1\n", (2, 1), "a list goes on without '-'", "begin each entry"),
        ("a:\n  b: c\n\td: e\n", (3, 1), "a tab stands in the indentation", "with spaces"),
        ('a: "b\nc: 1\nd: "e"\n', (1, 4), "the quote that opens here is closed on line 3", "close"),
        ("a: 'b\nc: it's\n", (1, 4), "the quote that opens here is closed on line 2", "close"),
        ('a: "b {{ c }}\nd: "e: {{ f }}"\n', (1, 4), "the quote that opens here", "close it"),
        ('a: "^\\d+$"\n', (1, 6), "a backslash escapes nothing here", "single quotes"),
        ("a: \u201cb: {{ c }}\u201d\n", (1, 4), "the quote is a letter to YAML", "in its place"),
        ("a: *b*\n", (1, 4), "a value begins with *", "quote the value"),
        ("a:\u00a0b\nc: d\n", (1, 3), "a space that YAML takes for a letter", "common space"),
        (
            "a: 1\n<<<<<<< HEAD\nb: 2\n=======\nb: 3\n>>>>>>> x\n",
            (2, 1),
            "a merge conflict was not resolved",
            "keep one side",
        ),
    ],
)
def test_a_slip_is_told_where_it_was_made(text, place, message, hint):
    problems = parse_text(text.encode(), Rules())
    found = next(problem for problem in problems if problem.code == "yaml-syntax")
    assert (found.line, found.column) == place
    assert found.message.startswith(message)
    assert hint in found.hint
