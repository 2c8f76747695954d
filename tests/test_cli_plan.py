"""``paod plan``, asked of a daemon's database and in checkouts, in each of its forms."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paod.preview import NOTHING, told
from paod.preview.markdown import MARK, code, markdown, prose
from tests.served import item
from tests.test_cli_sync import PATH, Shown, Site
from tests.test_cli_sync import site as site

OTHER = "catalog/databases/other.yaml"
REF = "refs/pull/7/head"


def propose(site: Site) -> str:
    """Commit what is staged as pull request 7."""
    origin = site.origin.start("feature/x")
    commit = origin.commit("Propose")
    origin.git("update-ref", REF, commit)
    origin.switch("main")
    return commit


def test_a_pull_request_in_words(site: Site) -> None:
    site.run("sync")
    first = site.origin.head
    site.origin.write(PATH, item(version="1.1.0", most=9)).write(OTHER, item("other"))
    commit = propose(site)
    ended = site.run("plan", REF)
    assert ended.status == 0, ended
    lines = ended.out.splitlines()
    assert "~ item postgres-database 1.0.0 → 1.1.0 changed" in lines
    assert "    breaks orders: 'max_length' of 'database_name' is tighter" in ended.out
    assert "    ~ presentation.fields[database_name].max_length: 63 → 9" in lines
    assert "+ item other 1.0.0 added" in lines
    subject = f"main ({first[:12]}) + {REF} ({commit[:12]})"
    assert lines[-1] == f"{subject}: 1 added, 1 changed; breaks orders"
    assert site.run("plan", REF, "--fail-on-breaking").status == 1
    assert site.json("plan", "feature/x")["to_commit"] == commit
    assert site.json("plan", commit[:9])["changes"] == site.json("plan", REF)["changes"]
    assert site.json("status")["head"]["commit_hash"] == first


def test_new_errors_and_what_would_be_refused_are_failures(site: Site) -> None:
    site.run("sync")
    site.origin.write(OTHER, "name: [\n")
    propose(site)
    ended = site.run("plan", REF)
    assert ended.status == 1
    assert f"{OTHER}:1:7: error[yaml-syntax]: " in ended.out
    assert "problems: 1 error new, no problems mended" in ended.out
    with site.config.open("a") as settings:
        settings.write("sync_policy: strict\n")
    refused = site.run("plan", REF)
    assert refused.status == 1
    assert "it would be rejected (ProblemsFound): " in refused.err
    assert site.json("plan", REF)["status"] == "rejected"


@pytest.mark.parametrize(
    ("rev", "status", "words"),
    [
        ("refs/pull/8/head", 1, "has no ref 'refs/pull/8/head'"),
        ("0123456789", 1, "CommitNotFound"),
        (":/(((", 2, "it takes a commit"),
        ("main~1", 2, "it takes a commit"),
    ],
)
def test_what_is_no_ref_is_said(site: Site, rev: str, status: int, words: str) -> None:
    assert words in site.read("plan", rev, status=status)


# checkouts


class Work:
    """A checkout, and paod run in it without any settings."""

    def __init__(self, folder: Path, shown: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self._shown = shown
        monkeypatch.chdir(folder)

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def plan(self, *arguments: str) -> tuple[int, str, str]:
        from paod.cli import main

        status = main(["plan", *arguments])
        shown = self._shown.readouterr()
        return status, shown.out, shown.err


@pytest.fixture
def work(
    tmp_path: Path, site: Site, capsys: Shown, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Work]:
    return Work(site.origin.clone(tmp_path / "work"), capsys, monkeypatch)


def test_a_checkout_needs_neither_settings_nor_a_daemon(work: Work) -> None:
    assert work.plan()[:2] == (0, f"{words_of(work)}: nothing would change\n")
    work.write(OTHER, item("other"))
    status, out, err = work.plan("--base", "origin/main")
    assert (status, err) == (0, "")
    assert out == f"+ item other 1.0.0 added\n{words_of(work)}: 1 added\n"
    assert json.loads(work.plan("--json")[1])["counts"] == {"added": 1}
    (work.folder / "catalog").joinpath("databases").rename(work.folder / "gone")
    assert "1 removed; breaks orders" in work.plan()[1]


def test_a_repository_without_a_commit_has_it_all_before_it(work: Work, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path / "new")], check=True, timeout=60)
    fresh = tmp_path / "new" / OTHER
    fresh.parent.mkdir(parents=True)
    fresh.write_text(item("other"))
    told = work.plan("--checkout", str(tmp_path / "new"))
    assert told == (0, "+ item other 1.0.0 added\nthe working tree: 1 added\n", "")


def test_what_a_working_tree_may_not_do_is_said_of_it(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAO_SYNC_POLICY", "strict")
    work.write(OTHER, "name: [\n")
    status, _, err = work.plan()
    assert status == 1
    assert "it would be rejected (ProblemsFound): the working tree has 1 error(s)" in err
    assert "mend the files that have them first" in err


def words_of(work: Work) -> str:
    command = ["git", "-C", str(work.folder), "rev-parse", "--short=12", "origin/main"]
    head = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return f"origin/main ({head}) + the working tree"


def test_what_a_checkout_cannot_be_asked(work: Work, tmp_path: Path) -> None:
    assert "names no commit" in work.plan("--base", "origin/nothing")[2]
    status, _, err = work.plan("--root", "elsewhere")
    assert (status, "there are no documents" in err) == (2, True)
    (tmp_path / "plain").mkdir()
    status, _, err = work.plan("--checkout", str(tmp_path / "plain"))
    assert (status, "is no checkout" in err) == (2, True)
    assert "PAO_REPO_URL is not set" in err


# Markdown


def preview(**found: Any) -> dict[str, Any]:
    row = {
        "sync_id": 1,
        "requested_ref": REF,
        "requested_commit": None,
        "branch": "main",
        "status": "completed",
        "reason": "Succeeded",
        "message": "",
        "from_commit": "a" * 40,
        "to_commit": "b" * 40,
    }
    return told(row, NOTHING | {"merge_base": "a" * 40} | found)


def test_a_comment_is_short_and_begins_with_its_mark(work: Work) -> None:
    work.write(PATH, item(version="2.0.0", most=9))
    work.write(OTHER, "name: [\n")
    status, out, _ = work.plan("--format", "markdown")
    assert status == 1
    title = "### Catalog: breaks orders and has new errors"
    assert out.startswith(f"{MARK}\n{title}\n\n`origin/main (")
    assert "**Breaks those who order it**\n\n- `postgres-database` `1.0.0 → 2.0.0` changed\n" in out
    assert "(`/presentation/fields/0/max_length`)" in out
    assert f"- error `yaml-syntax` `{OTHER}:1:7` " in out


def test_nothing_that_authors_wrote_is_alive_in_a_comment() -> None:
    evil = "@org/all #1 <script> [x](http://e.vil) www.e.vil ![y](//e) **b** | `c`"
    evil += " \n\n# T\x1b[2J \u202ex"
    for shown in (code(evil), prose(evil)):
        assert "\n" not in shown
        assert not re.search(r"[\x00-\x1f\u202e]", shown)
    assert code(evil).count("`") == 2
    inert = prose(evil)
    assert not re.search(r"[<>\[\]*|`!]|@\w|(?<!&)#\w|://|www\.\w", inert), inert
    assert len(prose("x" * 9999)) < 400
    assert prose("'size' lost an option: it is gone.") == "'size' lost an option: it is gone."


def test_a_comment_stays_below_what_a_host_takes() -> None:
    effect = {"code": "x", "breaking": True, "pointer": "/x" * 500, "message": "&" * 5000}
    change = {
        "kind": "item",
        "name": "n" * 63,
        "change": "changed",
        "renamed_from": None,
        "version": "1" * 128,
        "version_before": "2" * 128,
        "path": "p" * 5000,
        "path_before": "p" * 5000,
        "breaking": True,
        "effects": [effect, effect | {"breaking": False}] * 50,
        "differences": [],
        "left_out": 0,
    }
    problem = {
        **{"code": "x", "severity": "error", "path": "p" * 5000, "line": 1, "column": 1},
        **{"pointer": "", "message": "&" * 5000, "hint": "&" * 5000, "document": None},
    }
    found = preview(
        breaking=True,
        counts={"changed": 500},
        changes=[change] * 500,
        problems={"new": [problem] * 200, "cleared": [problem] * 3},
        overlaps=["o" * 5000] * 100,
        left_out={"changes": 7, "problems": 0},
    )
    text = markdown(found | {"status": "blocked", "message": "&" * 5000})
    assert len(text) < 65_536
    assert text.endswith("- and more: see `paod plan`\n")
    shorter = markdown(found | {"problems": {"new": [], "cleared": [problem] * 3}})
    assert "more lines" in shorter
