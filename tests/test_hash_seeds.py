"""What is said, and in which order, does not depend on how Python hashes texts in this process."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"
SEEDS = ("0", "4711")
COMMANDS = (
    *(["validate", "--format", style] for style in ("text", "json", "sarif", "junit", "github")),
    ["validate", "--base", "HEAD~1", "--changed"],
    *(["plan", "--base", "HEAD~1", "--format", style] for style in ("text", "json", "markdown")),
    *(["schema", kind] for kind in ("item", "bundle")),
    ["sync", "--json"],
    ["problems", "--json"],
    ["plan", "HEAD~1", "--json"],
    ["status"],
)
PROGRAM = """
import json, sys
from paod.cli import main
for command in json.loads(sys.argv[1]):
    print("$", *command, flush=True)
    main(command)
"""
MANY = "name: many\npresentation:\n  fields:\n" + "    - {rows: 1, default: x}\n" * 400


def fill(folder: Path) -> None:
    """Put every invalid document into a catalog, some of them twice, beside the good ones."""
    shutil.copytree(DATA / "valid/catalog", folder / "catalog")
    for file in sorted((DATA / "invalid").glob("*.yaml")):
        for category in ("one", "two"):
            target = folder / "catalog" / category / file.name
            target.parent.mkdir(exist_ok=True)
            shutil.copy(file, target)
    (folder / "catalog/one/many.yaml").write_text(MANY)


@pytest.fixture(name="checkout", scope="module")
def _checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("seeds") / "checkout"
    folder.mkdir()
    run = ("git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.com")
    for command in (["init", "-q", "-b", "main"], ["commit", "-q", "--allow-empty", "-m", "x"]):
        subprocess.run([*run, *command], check=True, timeout=60)
    fill(folder)
    subprocess.run([*run, "add", "-A"], check=True, timeout=60)
    subprocess.run([*run, "commit", "-q", "-m", "Fill"], check=True, timeout=60)
    return folder


def said(checkout: Path, state: Path, seed: str) -> list[str]:
    """Run all commands in a process with a seed of its own; return what each said."""
    environment = {name: value for name, value in os.environ.items() if "PAO_" not in name}
    environment |= {
        "PYTHONHASHSEED": seed,
        "PAO_REPO_URL": str(checkout),
        "PAO_REPO_BRANCH": "main",
        "PAO_STATE_DIR": str(state),
        "PAO_MAX_REMOVAL_PERCENT": "100",
    }
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, json.dumps(COMMANDS)],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout.split("\n$ ")


def test_every_seed_says_the_same(checkout: Path, tmp_path: Path) -> None:
    first, *others = [said(checkout, tmp_path / seed, seed) for seed in SEEDS]
    assert len(first) == len(COMMANDS)
    for other in others:
        for ours, theirs in zip(first, other, strict=True):
            assert steady(theirs) == steady(ours)


def steady(text: str) -> str:
    """Leave out what is another at each run: moments, durations, where the state lies."""
    text = re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z", "MOMENT", text)
    text = re.sub(r'("(?:\w*_ms|ms|\w*seconds|epoch|instance)": )[^,\n]*', r"\1*", text)
    text = re.sub(r": \d+\.\d+", ": *", text)
    return re.sub(r"\d+ (?:second|minute)s? ago", "AGO", text)
