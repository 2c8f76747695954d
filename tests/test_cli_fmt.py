"""``paod fmt``: comments stay, the content stays, and a second time nothing is left to do."""

from __future__ import annotations

import io
import random
import subprocess
import sys
from pathlib import Path

import pytest

from paod.cli import main
from paod.document import read
from paod.document.layout import lay_out
from paod.document.quoting import written
from paod.schema import rank

HERE = Path(__file__).parent
EVERY = [
    *sorted((HERE / "data" / "valid").rglob("*.y*ml")),
    *sorted((HERE / "data" / "invalid").rglob("*.yaml")),
    *sorted((HERE.parent / "config" / "example-catalog").rglob("*.yaml")),
]

Shown = pytest.CaptureFixture[str]

BEFORE = """\
# Of the file as a whole.

version: 1.0.0
# The name, as portals know it.
name: 'ant'   # short
x-team: {"a":1, "b": 'c, d'}
tags:
    - "a"   # first
    # - b

# The form.
presentation:
  fields:
  - {name: at, type: "time", min_time: 08:00}
  - name: n
    default: no

description: >-
   folded
   # no comment

owner: it's "us"
# At the end."""

AFTER = """\
# Of the file as a whole.

# The name, as portals know it.
name: ant   # short
version: "1.0.0"

description: >-
   folded
   # no comment

owner: 'it''s "us"'
tags:
    - a   # first
    # - b
x-team: {"a":1, b: "c, d"}

# The form.
presentation:
  fields:
  - {name: at, type: time, min_time: "08:00"}
  - name: "n"
    default: "no"
# At the end."""


def laid_out(text: str) -> str:
    new = lay_out(text, rank)
    assert new is not None
    return new


def test_keys_go_in_order_with_their_comments_and_texts_are_quoted_alike() -> None:
    assert laid_out(BEFORE) == AFTER
    assert laid_out(AFTER) == AFTER


def test_the_last_key_may_have_nothing_after_it() -> None:
    assert laid_out("name: a\n'n':") == 'name: a\n"n":'
    assert laid_out("name: a\nx: {'n':}") == "name: a\nx: {'n':}", "as in JSON"


def test_windows_line_ends_stay() -> None:
    assert laid_out(BEFORE.replace("\n", "\r\n")) == AFTER.replace("\n", "\r\n")


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("name:   a\nowner:\tb\n", "name: a\nowner: b\n"),
        ("presentation:\n  fields:\n    - name:    x\n      type:  |\n        a  b:   c\n", None),
        ("x-a: {b:    1,  c:  [1,   2]}\n", "x-a: {b: 1,  c: [1,   2]}\n"),
        ("x-a: &a    b\nx-c:   *a\n", "x-a: &a    b\nx-c:   *a\n"),
        ('x-a:   # why\n  b: "c:   d"\n', 'x-a:   # why\n  b: "c:   d"\n'),
    ],
)
def test_one_space_stands_after_a_colon(text: str, after: str | None) -> None:
    if after is None:
        after = "presentation:\n  fields:\n    - name: x\n      type: |\n        a  b:   c\n"
    assert laid_out(text) == after
    assert laid_out(after) == after


@pytest.mark.parametrize(
    "text",
    [
        '{"version": "1.0.0", "name": "a"}',
        "{version: 'a', name: b}",
        "b: &a [x]\nname: *a\n",
        "? version\n: 1\n? name\n: 2\n",
        "version: |+\n  kept\n\n\nname: a\n",
        "name: a\n...\n",
        'name: "tab\\there"\n',
        "name: 'two\n  lines'\n",
        "name: !!str 12\n",
        "name: &a 'b'\n",
        "count: 12\nyes: True\n",
        "name: a\r\n# kept\r\n",
        "description: plain\n  on two lines\n",
    ],
    ids=range(13),
)
def test_what_is_left_as_it_is(text: str) -> None:
    new = laid_out(text)
    assert new == text.replace("yes:", '"yes":')


@pytest.mark.parametrize(
    ("text", "plain", "in_flow"),
    [
        ("postgres", True, True),
        ("PostgreSQL, managed", True, False),
        ("https://example.com/a", True, False),
        ("10m", True, True),
        ("1h30m", True, True),
        ("Größe", True, True),
        ("no", False, False),
        ("Y", False, False),
        ("1.0.0", False, False),
        ("08:30", False, False),
        ("2026-01-01", False, False),
        ("1_000", False, False),
        ("{{ x }}", False, False),
        ("a: b", False, False),
        ("a #b", False, False),
        ("a ", False, False),
        (" a", False, False),
        ("-", False, False),
        (">=1.0.0", False, False),
        ("it's", True, True),
        ('say "x"', False, False),
        ("^\\d+$", False, False),
        ("", False, False),
    ],
)
def test_how_a_text_is_written(text: str, plain: bool, in_flow: bool) -> None:
    assert (written(text) == text) == plain
    assert (written(text, in_flow=True) == text) == in_flow
    for line in (f"k: {written(text)} # c", f"k: [{written(text, in_flow=True)}]"):
        reading = read(line)
        assert reading.findings == ()
        assert reading.value in ({"k": text}, {"k": [text]})


def test_any_printable_text_is_written_so_that_it_is_read_again() -> None:
    chance = random.Random(1)
    letters = "ab1 .,:;#-'\"\\[]{}&*!|>%@`?=~^$+é\u00a0😀yYnN/()"
    for _ in range(2000):
        text = "".join(chance.choices(letters, k=chance.randint(1, 6)))
        if text.isprintable():
            for line in (f"k: {written(text)}\n", f"k: [{written(text, in_flow=True)}]\n"):
                assert read(line).value in ({"k": text}, {"k": [text]}), line


@pytest.mark.parametrize("file", EVERY, ids=lambda file: file.stem)
def test_every_document_keeps_its_content_and_its_comments(file: Path) -> None:
    text = file.read_bytes().decode("utf-8", "replace").removeprefix("\ufeff")
    new = lay_out(text, rank)
    before = read(text)
    if before.findings:
        assert new is None
        return
    assert new is not None
    assert read(new).value == before.value
    assert text.count("#") == new.count("#")
    assert laid_out(new) == new


def test_the_order_is_the_documented_one() -> None:
    page = (HERE.parent / "docs" / "authoring.md").read_text("utf-8")
    [line] = [line for line in page.splitlines() if line.startswith("`name`, `version`")]
    keys = [word.strip("`.") for word in line.split(", ")]
    assert keys == sorted(keys, key=lambda key: rank("x-any" if key == "x-…" else key))
    assert len({rank(key) for key in keys}) == len(keys)


def put(folder: Path, text: str = BEFORE, name: str = "ant") -> Path:
    file = folder / "catalog" / "databases" / f"{name}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode())
    return file


def test_files_are_written_once_and_keep_their_rights(
    tmp_path: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = put(tmp_path)
    file.chmod(0o640)
    link = file.with_name("link.yaml")
    link.symlink_to(file)
    put(tmp_path, "name: ant\n", "_draft")
    monkeypatch.chdir(tmp_path)
    assert main(["fmt", "--check"]) == 1
    assert file.read_text() == BEFORE
    assert capsys.readouterr().out.splitlines() == [
        "would lay out catalog/databases/ant.yaml",
        "1 document: 1 to lay out",
    ]
    assert main(["fmt"]) == 0
    assert file.read_text() == AFTER
    assert file.stat().st_mode & 0o777 == 0o640
    assert link.is_symlink()
    assert sorted(path.name for path in file.parent.iterdir()) == [
        "_draft.yaml",
        "ant.yaml",
        "link.yaml",
    ]
    capsys.readouterr()
    assert main(["fmt", "--check", "catalog", str(file)]) == 0
    assert capsys.readouterr().out == "1 document: 0 to lay out\n"


def test_a_pipe_that_cannot_be_laid_out_has_nothing_to_give() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "paod", "fmt", "-"],
        input='a: "b\nc: "d"\n',
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("-:1:4: error[yaml-syntax]")
    assert '     1 | a: "b\n' in ended.stderr


def test_a_file_that_cannot_be_read_is_told_and_left(tmp_path: Path, capsys: Shown) -> None:
    bad, good = put(tmp_path, "name: [", "bad"), put(tmp_path)
    assert main(["fmt", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "bad.yaml:1:7: error[yaml-syntax]" in shown
    assert shown.endswith("2 documents: 1 laid out, 1 cannot be read\n")
    assert (bad.read_text(), good.read_text()) == ("name: [", AFTER)
    assert main(["fmt", str(tmp_path / "none")]) == 2


def test_a_folder_that_is_no_catalog_is_left_alone(tmp_path: Path, capsys: Shown) -> None:
    """Its files may be another program's; one that is named is meant."""
    file = tmp_path / "compose.yaml"
    file.write_text("x: 'a'\n")
    assert main(["fmt", str(tmp_path)]) == 2
    assert "holds no catalog" in capsys.readouterr().err
    assert file.read_text() == "x: 'a'\n"
    assert main(["fmt", str(file)]) == 0
    assert file.read_text() == "x: a\n"


def test_a_file_that_cannot_be_written_is_told(tmp_path: Path, capsys: Shown) -> None:
    """No name is left for the new file beside the old one."""
    file = tmp_path / f"{'a' * 250}.yaml"
    file.write_text(BEFORE)
    assert main(["fmt", str(file)]) == 2
    assert "cannot be written: File name too long" in capsys.readouterr().err
    assert file.read_text() == BEFORE


def test_an_editor_gets_it_by_a_pipe(
    capsysbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    for data, words, status, out in (
        (BEFORE, [], 0, AFTER),
        (BEFORE, ["--check"], 1, ""),
        (AFTER, ["--check"], 0, ""),
    ):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data.encode())))
        assert main(["fmt", "-", *words]) == status
        assert capsysbinary.readouterr().out == out.encode()
