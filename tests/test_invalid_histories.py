"""Codes that need more than one file or more than one commit: folders under ``data/invalid``.

``1``, ``2`` … are the trees of successive commits; ``problems.json`` is what is open at the end.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paod.store import ProblemFilters
from tests.origin import Origin
from tests.syncing import Paod
from tests.test_validate import BY_THE_FOLD

INVALID = Path(__file__).parent / "data" / "invalid"
FOLDERS = sorted(folder for folder in INVALID.iterdir() if folder.is_dir())


def files(tree: Path) -> dict[str, bytes]:
    found = (path for path in tree.rglob("*") if path.is_file())
    return {path.relative_to(tree).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_a_history_has_the_problems_that_stand_beside_it(folder: Path, tmp_path: Path) -> None:
    with Origin(tmp_path) as origin:
        for tree in sorted(path for path in folder.iterdir() if path.is_dir()):
            origin.clear().write_all(files(tree)).commit()
        paod = Paod(tmp_path / "state", origin)
        paod.sync()
        keys = ("code", "severity", "path", "line", "column", "pointer", "message", "hint")
        rows = paod.store.problems(ProblemFilters(), None, 100).rows
        told = [{key: row[key] for key in keys} for row in rows]
    assert told == json.loads((folder / "problems.json").read_text("utf-8"))


def test_every_code_of_the_fold_has_a_history() -> None:
    assert {folder.name for folder in FOLDERS} >= BY_THE_FOLD
