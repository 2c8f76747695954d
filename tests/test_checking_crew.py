"""Worker processes: what one task does to its process costs no other task its answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from paod.checking.crew import Crew
from tests.test_cli_validate import GOOD, put

CHECKOUT = Path(__file__).parent.parent


def work(task: str) -> str:
    if task == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "hang":
        time.sleep(600)
    if task == "memory":
        raise MemoryError
    if task == "fault":
        raise PermissionError("told")
    if task.startswith("/"):  # crashes once
        file = Path(task)
        if not file.exists():
            file.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    return task.upper()


def give_up(task: str) -> str:
    return f"{task}: given up"


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("bad", ["crash", "memory", "hang"])
def test_a_task_that_kills_is_given_up_and_the_others_are_done(jobs: int, bad: str) -> None:
    tasks = [str(number) for number in range(40)]
    tasks[7] = tasks[31] = bad
    found = list(Crew(work, give_up, jobs, seconds=0.3).results(tasks))
    assert sorted(found) == sorted(
        (task, f"{bad}: given up" if task == bad else task) for task in tasks
    )


def test_a_task_is_tried_twice(tmp_path: Path) -> None:
    unlucky = str(tmp_path / "x")
    assert list(Crew(work, give_up, 1).results([unlucky])) == [(unlucky, unlucky.upper())]


def test_what_a_task_raises_is_raised() -> None:
    with pytest.raises(PermissionError, match="told"):
        list(Crew(work, give_up, 2).results(["a", "fault", "b"]))


def test_no_tasks_need_no_processes() -> None:
    crew: Crew[str, str] = Crew(work, give_up, 2)
    assert list(crew.results([])) == []


def test_a_file_that_kills_the_parser_is_told_beside_the_others(tmp_path: Path) -> None:
    bad = put(tmp_path, "catalog/a/bad.yaml", "killer: true")
    put(tmp_path, "catalog/a/postgres-database.yaml", GOOD)
    put(tmp_path, "catalog/a/other.yaml", GOOD.replace("type: string", "type: strng"))
    environment = os.environ | {"PAOD_FAILPOINT": f"in_hand:{bad.relative_to(tmp_path)}=segv"}
    command = [sys.executable, "-m", "paod", "validate", "--json", str(tmp_path)]
    ran = subprocess.run(command, env=environment, cwd=CHECKOUT, capture_output=True, text=True)
    found = json.loads(ran.stdout)
    assert (ran.returncode, ran.stderr, found["checked"]) == (1, "", 3)
    assert {(one["path"], one["code"]) for one in found["problems"]} == {
        ("catalog/a/bad.yaml", "crashes-parser"),
        ("catalog/a/other.yaml", "unknown-type"),
        ("catalog/a/other.yaml", "path-mismatch"),
    }
