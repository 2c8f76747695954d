"""``paod new``: a valid document, laid out, where it belongs, and over nothing that is there."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from paod.cli import main
from paod.cli.starter import Starter, text_of
from paod.document.layout import lay_out
from paod.schema import rank
from paod.validate import Rules, examine
from tests.running import ROOT

Shown = pytest.CaptureFixture[str]


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("items", [(), ("postgres-database", "redis-cache")])
@pytest.mark.parametrize("text", ["platform", 'it\'s "us": #1 {{ x }}', "no", "1.10", "Größe\\"])
def test_what_it_writes_is_valid_and_laid_out(items: tuple[str, ...], text: str) -> None:
    written = text_of(Starter("no", "databases", text, text, items))
    assert examine("catalog/databases/no.yaml", written.encode(), "", Rules()).problems == ()
    assert lay_out(written, rank) == written
    value = yaml.safe_load(written)
    assert (value["owner"], value["description"], value["name"]) == (text, text, "no")
    assert written.count("\n# ") >= 4


def test_an_item_goes_to_its_category(checkout: Path, capsys: Shown) -> None:
    assert main(["new", "my-database", "--category", "databases", "--owner", "data"]) == 0
    path = "catalog/databases/my-database.yaml"
    assert capsys.readouterr().out == f"wrote {path}\n  edit it, then: paod validate {path}\n"
    assert yaml.safe_load((checkout / path).read_text())["description"] == "My database"
    assert main(["validate", path]) == 0


def test_the_category_may_be_the_folder_one_is_in(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkout / "catalog" / "databases" / "deep"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    assert main(["new", "ant", "--owner", "data", "--description", "An ant."]) == 0
    assert (checkout / "catalog" / "databases" / "ant.yaml").is_file()


def test_a_bundle_has_its_items(checkout: Path, capsys: Shown) -> None:
    main(["new", "ant", "--category", "databases", "--owner", "data"])
    words = ["new", "kit", "--category", "database", "--owner", "x", "--item", "ant"]
    assert main(words) == 0
    assert "  database is a new category: did you mean 'databases'?" in capsys.readouterr().out
    assert main(["validate"]) == 0
    value = yaml.safe_load((checkout / "catalog" / "database" / "kit.yaml").read_text())
    assert value["bundle"]["required_items"] == [{"catalog_item": "ant"}]


def test_an_item_that_nobody_wrote_is_told_of(checkout: Path, capsys: Shown) -> None:
    main(["new", "ant-hill", "--category", "animals", "--owner", "x"])
    words = ["new", "kit", "--category", "animals", "--owner", "x"]
    assert main([*words, "--item", "ant-hil", "--item", "ant-hill", "--item", "bee"]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "no file" in line]
    assert told == [
        "  there is no file of an item ant-hil: did you mean 'ant-hill'?",
        "  there is no file of an item bee",
    ]


def test_a_file_that_is_there_is_never_written_over(checkout: Path, capsys: Shown) -> None:
    file = checkout / "catalog" / "storage" / "deep" / "ant.yml"
    file.parent.mkdir(parents=True)
    file.write_text("mine")
    for category in ("storage", "databases"):
        assert main(["new", "ant", "--category", category, "--owner", "data"]) == 2
        assert "catalog/storage/deep/ant.yml is there already" in capsys.readouterr().err
    assert file.read_text() == "mine"
    assert list((checkout / "catalog").rglob("*.y*ml")) == [file]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "Missing NAME, --category, --owner (on a terminal"),
        (["ant", "--bundle"], "Missing --category, --owner, --item"),
        (["Ant_Hill", "--category", "a", "--owner", "b"], "such as 'ant-hill'"),
        (["ant", "--category", "A", "--owner", "b"], "Invalid value for --category"),
        (["ant", "--category", "a", "--owner", " "], "Invalid value for --owner"),
        (["ant", "--category", "a", "--owner", "b\nc"], "give one line of text"),
        (["ant", "--category", "a", "--owner", "b", "--item", "B"], "Invalid value for --item"),
        (["ant", "--category", "a", "--owner", "b" * 200], "'owner' is longer than 128"),
        (["ant", "--category", "a", "--owner", "b", "--item", "ant"], "ant"),
    ],
    ids=range(9),
)
def test_what_is_wrong_is_told_and_nothing_is_written(
    checkout: Path, capsys: Shown, words: list[str], told: str
) -> None:
    assert main(["new", *words]) == 2
    assert told in capsys.readouterr().err
    assert not (checkout / "catalog").exists()


def test_what_is_pasted_below_it_is_not_swallowed(checkout: Path) -> None:
    """The docs' first block, pasted into a real terminal."""
    controller, terminal = pty.openpty()
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    shell = subprocess.Popen(
        ["bash", "--norc", "-i"],
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        env=os.environ
        | {
            "PS1": "$ ",
            "TERM": "dumb",
            "PATH": path,
        },
        start_new_session=True,
    )
    os.close(terminal)
    page = (ROOT / "docs" / "authoring.md").read_text("utf-8")
    block = next(
        one for one in re.findall(r"```sh\n(.*?)```", page, re.DOTALL) if "paod new" in one
    )
    os.write(controller, f"{block}echo e''nd\nexit\n".encode())
    said = ""
    while not re.search(r"^end\r?$", said, re.MULTILINE):
        assert select.select([controller], [], [], 60)[0], said
        said += os.read(controller, 1000).decode(errors="replace")
    shell.wait(30)
    os.close(controller)
    assert "no problems" in said, said
    assert not [line for line in said.splitlines() if line.startswith("paod: ")], said


def test_on_a_terminal_it_asks(checkout: Path) -> None:
    """A real terminal: a wrong name is asked for again. What is not required is not asked for."""
    controller, terminal = pty.openpty()
    new = subprocess.Popen(
        [sys.executable, "-m", "paod", "new", "--category", "databases"],
        stdin=terminal,
        stderr=terminal,
        stdout=subprocess.PIPE,
        text=True,
    )
    os.close(terminal)
    said = ""
    for asked, answer in (
        ("Name: ", "My_Ant"),
        ("such as 'my-ant'", "my-ant"),
        ("Owner: ", "platform team"),
    ):
        while asked not in said:
            assert select.select([controller], [], [], 30)[0], said
            said += os.read(controller, 1000).decode()
        os.write(controller, f"{answer}\n".encode())
        said = said.partition(asked)[2]
    out, _ = new.communicate(timeout=30)
    os.close(controller)
    assert new.returncode == 0
    assert out.startswith("wrote catalog/databases/my-ant.yaml\n")
    value = yaml.safe_load((checkout / "catalog" / "databases" / "my-ant.yaml").read_text())
    assert (value["owner"], value["description"]) == ("platform team", "My ant")
