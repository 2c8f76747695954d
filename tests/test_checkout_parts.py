"""Checkouts that hold less than their commits: sparse ones, partial clones. Real git throughout."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paod.cli import main
from paod.worktree import Looking
from tests.served import item

Ran = Callable[..., dict[str, Any]]


def git(folder: Path, *arguments: str) -> str:
    names = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    command = ["git", "-C", str(folder), *names, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


def names() -> dict[str, str]:
    found = {"a": ["one"], "b": ["two", "three"]}
    return {f"catalog/{at}/{name}.yaml": item(name) for at in found for name in found[at]}


@pytest.fixture(name="remote")
def _remote(tmp_path: Path) -> Path:
    """A repository with two commits, which lets filters be used."""
    folder = tmp_path / "remote"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "uploadpack.allowFilter", "true")
    git(folder, "config", "uploadpack.allowAnySHA1InWant", "true")
    for path, text in names().items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "Begin")
    (folder / "catalog/b/two.yaml").write_text(item("two", version="1.1.0"))
    git(folder, "commit", "-q", "-a", "-m", "Go on")
    return folder


@pytest.fixture(name="ran")
def _ran(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ran:
    def run(folder: Path, *command: str, status: int = 0) -> dict[str, Any]:
        monkeypatch.chdir(folder)
        ended = main([*command, "--format", "json"])
        shown = capsys.readouterr()
        assert ended == status, shown
        return dict(json.loads(shown.out)) if shown.out else {"error": shown.err}

    return run


def clone(remote: Path, *options: str) -> Path:
    folder = remote.parent / "checkout"
    git(remote.parent, "clone", "-q", *options, remote.as_uri(), str(folder))
    return folder


def sparse(folder: Path, *options: str) -> Path:
    git(folder, "sparse-checkout", "set", *options, "catalog/a")
    assert not (folder / "catalog/b").exists()
    return folder


@pytest.mark.parametrize("options", [(), ("--sparse-index",)])
@pytest.mark.parametrize("filters", [(), ("--filter=blob:none",), ("--filter=tree:0",)])
def test_what_a_sparse_checkout_leaves_out_is_there(
    remote: Path, ran: Ran, options: tuple[str, ...], filters: tuple[str, ...]
) -> None:
    folder = sparse(clone(remote, *filters, "--sparse"), *options)
    assert ran(folder, "validate") == {"checked": 3, "problems": []}
    assert ran(folder, "validate", "--base", "origin/main")["checked"] == 3
    assert ran(folder, "validate", "catalog/a")["checked"] == 1
    plan = ran(folder, "plan", "--base", "origin/main")
    assert (plan["changes"], plan["breaking"]) == ([], False)
    (folder / "catalog/a/one.yaml").write_text(item("one", version="2.0.0"))
    [change] = ran(folder, "plan", "--base", "origin/main")["changes"]
    assert (change["name"], change["change"]) == ("one", "changed")


def test_a_problem_outside_of_the_cone_is_found_with_its_line(
    remote: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (remote / "catalog/b/three.yaml").write_text(item("three") + "\nunheard_of: 1\n")
    git(remote, "commit", "-q", "-a", "-m", "Slip")
    monkeypatch.chdir(sparse(clone(remote)))
    main(["validate"])
    shown = capsys.readouterr().out
    assert "catalog/b/three.yaml:" in shown
    assert "| unheard_of: 1" in shown


def test_an_entry_to_be_skipped_counts_as_the_index_has_it(remote: Path, ran: Ran) -> None:
    folder = clone(remote)
    (folder / "catalog/b/two.yaml").write_text(item("two", version="3.0.0"))
    git(folder, "add", "-A")
    git(folder, "update-index", "--skip-worktree", "catalog/b/two.yaml", "catalog/b/three.yaml")
    shutil.rmtree(folder / "catalog/b")
    [change] = ran(folder, "plan", "--base", "origin/main")["changes"]
    assert (change["name"], change["change"]) == ("two", "changed")
    git(folder, "update-index", "--no-skip-worktree", "catalog/b/three.yaml")
    gone = [one["name"] for one in ran(folder, "plan", "--base", "origin/main")["changes"]]
    assert gone == ["three", "two"]


def test_watching_sees_what_is_left_out_and_what_comes_back(remote: Path) -> None:
    folder = sparse(clone(remote))
    looking = Looking(folder, "catalog", limit=100_000)
    assert set(looking.changes()) == set(names())
    assert looking.changes() == {}
    git(folder, "sparse-checkout", "disable")
    assert looking.changes() == {}
    (folder / "catalog/b/two.yaml").unlink()
    assert looking.changes() == {"catalog/b/two.yaml": None}


@pytest.mark.parametrize("filters", ["--filter=blob:none", "--filter=tree:0"])
def test_git_fetches_what_a_partial_clone_left_out(remote: Path, ran: Ran, filters: str) -> None:
    folder = clone(remote, filters)
    assert ran(folder, "plan", "--base", "origin/main")["changes"] == []
    assert ran(folder, "validate", "--base", "HEAD~1", "--changed")["checked"] == 1
    git(folder, "remote", "set-url", "origin", "/nonexistent")
    assert ran(folder, "plan", "--base", "origin/main")["changes"] == []


def test_a_partial_clone_that_cannot_fetch_says_so(remote: Path, ran: Ran) -> None:
    folder = clone(remote, "--filter=blob:none")
    git(folder, "remote", "set-url", "origin", "/nonexistent")
    said = ran(folder, "plan", "--base", "origin/main", status=2)["error"]
    assert f"git fails in {folder}" in said
    assert "hint: `git status` and `git fetch` in that folder may tell more" in said
    assert "mirror" not in said


def test_a_damaged_checkout_is_not_called_the_mirror(remote: Path, ran: Ran) -> None:
    folder = clone(remote)
    shutil.copytree(remote / ".git/objects", folder / ".git/objects", dirs_exist_ok=True)
    blob = git(folder, "rev-parse", "HEAD:catalog/a/one.yaml").strip()
    for pack in (folder / ".git/objects/pack").iterdir():
        pack.unlink()
    (folder / ".git/objects" / blob[:2] / blob[2:]).unlink()
    said = ran(folder, "plan", "--base", "origin/main", status=1)["error"]
    assert "mirror" not in said
    assert f"cannot be read in {folder}" in said


def test_a_reftable_is_named_with_its_remedy(remote: Path, ran: Ran) -> None:
    folder = clone(remote)
    (folder / ".git/reftable").mkdir()
    git(folder, "config", "core.repositoryFormatVersion", "1")
    git(folder, "config", "extensions.refStorage", "reftable")
    said = ran(folder, "plan", "--base", "origin/main", status=2)["error"]
    assert "git refs migrate --ref-format=files" in said
