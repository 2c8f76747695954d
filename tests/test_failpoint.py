"""A failpoint does what the environment says, in a process of its own, and else nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

PROGRAM = (
    "from paod.failpoint import failpoint\n"
    "failpoint('here'); print('passed', flush=True); failpoint('there'); print('ended', flush=True)"
)


def start(setting: str, once: str = "") -> subprocess.Popen[str]:
    environment = {"PAOD_FAILPOINT": setting, "PAOD_FAILPOINT_ONCE": once}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )


@pytest.mark.parametrize(
    ("setting", "printed", "status"),
    [
        ("", "passed\nended\n", 0),
        ("elsewhere", "passed\nended\n", 0),
        ("here", "", -signal.SIGKILL),
        ("there=kill", "passed\n", -signal.SIGKILL),
        ("there=segv", "passed\n", -signal.SIGSEGV),
        ("elsewhere, there=exit", "passed\n", 3),
        ("here=raise", "", 1),
    ],
)
def test_a_failpoint_does_what_it_is_told(setting: str, printed: str, status: int) -> None:
    child = start(setting)
    assert child.communicate(timeout=10)[0] == printed
    assert child.returncode == status


def test_a_hanging_failpoint_ends_by_kill_alone() -> None:
    child = start("there=hang")
    assert child.stdout is not None
    assert child.stdout.readline() == "passed\n"
    time.sleep(0.1)
    child.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        child.wait(0.3)
    child.kill()
    assert child.wait(5) == -signal.SIGKILL
    child.stdout.close()


def test_only_the_first_process_fails(tmp_path: Path) -> None:
    statuses = []
    for _ in range(3):
        child = start("here", str(tmp_path / "failed-once"))
        child.communicate(timeout=10)
        statuses.append(child.returncode)
    assert statuses == [-signal.SIGKILL, 0, 0]
