"""Hooks and pipelines, run as far as that goes here: their very lines, by bash, in a repository.

``python -m tests.try_hooks`` has pre-commit install and run the hooks, which takes minutes.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).parent.parent
EXAMPLE = CHECKOUT / "config/example-catalog/catalog/databases/mysql-database.yaml"
PATH = "catalog/databases/mysql-database.yaml"


def loaded(name: str) -> Any:
    return yaml.safe_load((CHECKOUT / name).read_text("utf-8"))


EXAMPLES = re.compile(r"`(\.[\w./-]+)`:\n\n```yml\n(.*?)```", re.S)
HOOKS = {hook["id"]: hook for hook in loaded(".pre-commit-hooks.yaml")}


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """A repository with one good document, committed and laid out."""
    file = tmp_path / PATH
    file.parent.mkdir(parents=True)
    file.write_text(EXAMPLE.read_text("utf-8"))
    commit = "git init --quiet && git add . && git commit --quiet --message 'Begin'"
    assert run(tmp_path, commit)[0] == 0
    return tmp_path


def run(folder: Path, script: str, **environ: str) -> tuple[int, str]:
    """Run a script as CI does: its exit status and all that it says."""
    who = {
        f"GIT_{who}_{what}": "ci@example.com"
        for who in ("AUTHOR", "COMMITTER")
        for what in ("NAME", "EMAIL")
    }
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), **who, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return done.returncode, done.stdout


def change(folder: Path, old: str, new: str) -> None:
    file = folder / PATH
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


def test_the_hook_checks_the_whole_catalog(catalog: Path) -> None:
    hook = HOOKS["paod-validate"]
    assert re.search(hook["files"], PATH)
    assert not hook["pass_filenames"], "documents are held against each other"
    change(catalog, "type: string", "type: strng")
    status, said = run(catalog, hook["entry"])
    assert status == 1
    assert "unknown-type" in said


def test_the_hook_lays_out_the_files_it_is_given(catalog: Path) -> None:
    hook = HOOKS["paod-fmt"]
    assert re.search(hook["files"], PATH)
    assert not re.search(hook["files"], "catalog/README.md")
    before = (catalog / PATH).read_text()
    change(catalog, "type: string", "'type': string")
    assert run(catalog, f"{hook['entry']} {PATH}")[0] == 0
    assert (catalog / PATH).read_text() == before


def action(folder: Path, **inputs: str) -> tuple[int, str]:
    """Run the action's own script with its inputs, as GitHub fills them in outside of a request."""
    known = loaded("action.yml")
    given = {name: one["default"] for name, one in known["inputs"].items()} | inputs
    values = {
        name: "" if value.startswith("${{ github.") else value for name, value in given.items()
    }
    step = known["runs"]["steps"][-1]
    environ = {
        name: re.sub(r"\$\{\{ inputs\.(\w+) \}\}", lambda found: values[found[1]], value)
        for name, value in step["env"].items()
    }
    return run(folder, step["run"], **environ)


def test_the_action_notes_what_is_wrong_at_its_line(catalog: Path) -> None:
    change(catalog, "type: string", "type: strng")
    status, said = action(catalog)
    assert status == 1
    assert f"::error file={PATH},line=" in said


def test_the_action_may_mind_versions_and_layout(catalog: Path) -> None:
    change(catalog, "type: string", "'type': string")
    status, said = action(catalog, base="HEAD", fmt="true")
    assert status == 1
    assert f"would lay out {PATH}" in said
    change(catalog, "description: ", "description: New ")
    status, said = action(catalog, base="HEAD", strict="true")
    assert status == 1
    assert "version-conflict" in said
    assert "would lay out" not in said


def test_the_action_installs_this_checkout() -> None:
    steps = loaded("action.yml")["runs"]["steps"]
    assert steps[1]["run"].split()[-1] == '"$GITHUB_ACTION_PATH"'
    assert (CHECKOUT / "setup.py").is_file()
    assert all("shell" in step for step in steps if "run" in step)


def test_the_job_for_gitlab_reports_what_is_wrong(catalog: Path) -> None:
    job = loaded("config/gitlab-ci.yml")["check-catalog"]
    script = "\n".join(job["script"])
    change(catalog, "type: string", "type: strng")
    status, said = run(catalog, script, CI_MERGE_REQUEST_DIFF_BASE_SHA="HEAD")
    assert status == 1
    assert "unknown-type" in said
    report = (catalog / job["artifacts"]["reports"]["junit"]).read_text()
    assert "unknown-type" in report


def test_the_page_for_authors_names_what_there_is() -> None:
    page = (CHECKOUT / "docs" / "authoring.md").read_text("utf-8")
    shown = {one: yaml.safe_load(block) for one, block in EXAMPLES.findall(page)}
    [repository] = shown[".pre-commit-config.yaml"]["repos"]
    assert [hook["id"] for hook in repository["hooks"]] == list(HOOKS)
    steps = shown[".github/workflows/catalog.yml"]["jobs"]["check"]["steps"]
    assert steps[0]["with"]["fetch-depth"] == 0
    assert set(steps[1]["with"]) <= set(loaded("action.yml")["inputs"])
