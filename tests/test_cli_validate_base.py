"""``paod validate --base`` and ``--changed``: against a commit, in real clones."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paod.cli import main
from tests.origin import Origin
from tests.test_cli_validate import Shown, check

INVALID = Path(__file__).parent / "data" / "invalid"
BUNDLE = """\
name: {name}
version: "1.0.0"
description: x
owner: o
tags: []
bundle:
  required_items:
    - catalog_item: {item}
"""


def item(name: str, version: str = "1.0.0", description: str = "x") -> str:
    return (
        f'name: {name}\nversion: "{version}"\ndescription: {description}\nowner: o\ntags: []\n'
        "presentation: {fields: []}\n"
        "fulfillment: {manual: {system: email, template: {}}}\n"
    )


def codes(problems: list[dict[str, object]]) -> list[tuple[str, str]]:
    return [(str(one["path"]).rsplit("/", 1)[-1], str(one["code"])) for one in problems]


@pytest.fixture
def origin(tmp_path: Path) -> Origin:
    """Two items, one of which has a history: 1.0.0, 1.1.0, and 1.2.0 whose content changed."""
    with Origin(tmp_path) as made:
        made.write("catalog/a/ant.yaml", item("ant")).write("README.md", "x").commit()
        made.write("catalog/a/bee.yaml", item("bee")).commit()
        made.write("catalog/a/ant.yaml", item("ant", "1.1.0", "y")).commit()
        made.write("catalog/a/ant.yaml", item("ant", "1.2.0", "z")).commit()
        made.write("catalog/a/bee.yaml", item("bee", description="careless")).commit()
    return made


@pytest.fixture
def work(origin: Origin, tmp_path: Path) -> Path:
    return origin.clone(tmp_path / "work")


def put(work: Path, name: str, text: str) -> None:
    (work / "catalog" / "a" / name).write_text(text)


@pytest.mark.parametrize(
    ("ant", "expected"),
    [
        (item("ant", "1.2.0", "z"), []),
        (item("ant", "1.3.0", "new"), []),
        (item("ant", "1.2.0", "new"), ["version-conflict"]),
        (item("ant", "1.1.0", "new"), ["version-conflict"]),
        (item("ant", "1.0.5", "new"), ["version-regression"]),
        (item("ant", "1.1.0", "y"), []),
        ("# a comment\n" + item("ant", "1.2.0", "z"), []),
    ],
)
def test_versions_are_held_against_a_commit_and_its_history(
    ant: str, expected: list[str], work: Path, capsys: Shown
) -> None:
    put(work, "ant.yaml", ant)
    status, checked, problems = check(capsys, work, "--base", "origin/main")
    assert (status, checked) == (0, 2)
    assert codes(problems) == [("ant.yaml", code) for code in expected]
    assert check(capsys, work, "--base", "origin/main", "--strict")[0] == bool(expected)
    assert check(capsys, work) == (0, 2, [])


def test_a_single_file_is_held_against_a_commit_too(work: Path, capsys: Shown) -> None:
    put(work, "ant.yaml", item("ant", "1.2.0", "new"))
    put(work, "bee.yaml", item("bee", "0.1.0", "new"))
    status, checked, problems = check(capsys, work / "catalog/a/ant.yaml", "--base", "HEAD")
    assert (status, checked) == (0, 1)
    assert codes(problems) == [("ant.yaml", "version-conflict")]


def test_the_name_stays_with_the_file_that_had_it(work: Path, capsys: Shown) -> None:
    put(work, "aaa.yaml", item("ant", "1.3.0", "usurper"))
    for arguments in ((), ("--base", "HEAD")):  # without a commit the file called like it has it
        problems = check(capsys, work, *arguments)[2]
        assert codes(problems) == [("aaa.yaml", "duplicate-name"), ("aaa.yaml", "path-mismatch")]
        assert problems[0]["message"] == "the name 'ant' is held by catalog/a/ant.yaml"


def test_only_what_differs_is_told(work: Path, capsys: Shown) -> None:
    put(work, "bad.yaml", "name: [")
    status, checked, problems = check(capsys, work, "--changed")
    assert (status, checked) == (1, 1)
    assert codes(problems) == [("bad.yaml", "yaml-syntax")]
    (work / "catalog/a/bad.yaml").unlink()
    assert check(capsys, work, "--changed") == (0, 0, [])
    status, checked, problems = check(capsys, work, "--changed", "--base", "HEAD~1")
    assert (status, checked) == (0, 1)
    assert codes(problems) == [("bee.yaml", "version-conflict")]
    assert check(capsys, work / "catalog/a/ant.yaml", "--changed", "--base", "HEAD~1") == (0, 0, [])


def test_what_a_change_does_to_others_is_told(tmp_path: Path, capsys: Shown) -> None:
    with Origin(tmp_path) as origin:
        for name, text in (
            ("ant", item("ant")),
            ("stack", BUNDLE.format(name="stack", item="ant")),
        ):
            origin.write(f"catalog/a/{name}.yaml", text)
        origin.write("catalog/a/old.yaml", BUNDLE.format(name="old", item="gone")).commit()
        work = origin.clone(tmp_path / "work")
    (work / "catalog/a/ant.yaml").unlink()
    status, checked, problems = check(capsys, work, "--changed")
    assert (status, checked) == (0, 1)
    assert codes(problems) == [("stack.yaml", "unresolved-item")]


def test_a_shallow_clone_has_the_history_that_it_has(
    origin: Origin, tmp_path: Path, capsys: Shown
) -> None:
    origin.git("clone", "-q", "--depth", "1", origin.url, str(tmp_path / "shallow"))
    put(tmp_path / "shallow", "ant.yaml", item("ant", "1.2.0", "new"))
    found = check(capsys, tmp_path / "shallow", "--base", "origin/main")
    assert codes(found[2]) == [("ant.yaml", "version-conflict")]


def test_a_catalog_deeper_in_the_repository(tmp_path: Path, capsys: Shown) -> None:
    with Origin(tmp_path) as origin:
        origin.write("shop/catalog/a/ant.yaml", item("ant"))
        origin.write("catalog/a/ant.yaml", item("other")).commit()
        work = origin.clone(tmp_path / "work")
    (work / "shop/catalog/a/ant.yaml").write_text(item("ant", description="new"))
    found = check(capsys, work / "shop", "--changed", "--base", "main")
    assert codes(found[2]) == [("ant.yaml", "version-conflict")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--base", "no/such"], "'no/such' names no commit"),
        (["--base", "HEAD:README.md"], "'HEAD:README.md' names no commit"),
    ],
)
def test_a_base_that_is_none(arguments: list[str], said: str, work: Path, capsys: Shown) -> None:
    assert main(["validate", *arguments, str(work)]) == 1
    shown = capsys.readouterr().err
    assert said in shown
    assert "fetch it first" in shown


def test_without_a_repository_there_is_no_base(tmp_path: Path, capsys: Shown) -> None:
    file = tmp_path / "catalog/a/ant.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(item("ant"))
    assert main(["validate", "--changed", str(tmp_path)]) == 2
    assert "is in no Git repository" in capsys.readouterr().err
    file.rename(tmp_path / "ant.yaml")
    assert main(["validate", "--changed", str(tmp_path / "ant.yaml")]) == 2
    assert "--base and --changed are for documents of a catalog" in capsys.readouterr().err


HISTORIES = sorted(folder for folder in INVALID.iterdir() if folder.is_dir())


@pytest.mark.parametrize("folder", HISTORIES, ids=lambda folder: folder.name)
def test_a_checkout_is_told_what_a_sync_records(
    folder: Path, tmp_path: Path, capsys: Shown
) -> None:
    """The last tree is not committed yet; the validator says of it what the daemon will."""
    *former, last = sorted(path for path in folder.iterdir() if path.is_dir())
    with Origin(tmp_path) as origin:
        origin.write("README.md", "x").commit()
        for tree in former:
            origin.clear().write_all(_files(tree)).commit()
        work = origin.clone(tmp_path / "work")
    (work / "README.md").unlink(missing_ok=True)
    for path, data in _files(last).items():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        (work / path).write_bytes(data)
    _, _, problems = check(capsys, work, "--base", "origin/main")
    expected = json.loads((folder / "problems.json").read_text("utf-8"))
    told = [{key: one[key] for key in expected[0] if key != "hint"} for one in problems]
    assert told == [{key: one[key] for key in one if key != "hint"} for one in expected]


def _files(tree: Path) -> dict[str, bytes]:
    found = (path for path in tree.rglob("*") if path.is_file())
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in found}
