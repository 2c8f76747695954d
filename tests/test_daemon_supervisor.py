"""The supervisor and its children, as real processes with toy work."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest


class Toys:
    """A running toy daemon; see ``toy_daemon``."""

    def __init__(self, folder, *lives):
        self.folder = folder
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.toy_daemon", str(folder), *lives],
            cwd=Path(__file__).parent.parent,
            stderr=subprocess.PIPE,
            text=True,
        )

    def lines(self, start):
        log = self.folder / "log"
        text = log.read_text() if log.exists() else ""
        return [line.split() for line in text.splitlines() if line.startswith(start)]

    def wait_for(self, start, count=1, seconds=10):
        """Wait until the log has ``count`` lines that begin with ``start``; return them."""
        end = time.monotonic() + seconds
        while len(found := self.lines(start)) < count:
            assert time.monotonic() < end, f"no {count} x {start!r} in {self.lines('')}"
            time.sleep(0.02)
        return found

    def end(self, number=signal.SIGTERM):
        """Send a signal and return the exit status and the seconds that the end took."""
        began = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(10)
        return status, time.monotonic() - began


@pytest.fixture
def toys(tmp_path):
    running = []

    def start(*lives):
        running.append(Toys(tmp_path, *lives))
        return running[-1]

    yield start
    for daemon in running:
        daemon.process.kill()
        daemon.process.communicate()


def is_gone(pid, seconds=5):
    """Wait until no process has this id (a zombie that nobody reaps counts as gone)."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
                if stat.read().rsplit(")", 1)[1].split()[0] == "Z":
                    return True
        except FileNotFoundError:
            return True
        time.sleep(0.02)
    return False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_in_order(toys, number):
    daemon = toys("well")
    pids = [int(daemon.wait_for(kind)[0][1]) for kind in ("api ", "sync ")]
    daemon.wait_for("state ready")
    status, seconds = daemon.end(number)
    assert (status, seconds < 2) == (0, True)
    assert daemon.lines("state stopping")
    assert all(is_gone(pid) for pid in pids)


def test_a_deaf_child_is_killed_within_five_seconds(toys, tmp_path):
    (tmp_path / "deaf").touch()
    daemon = toys("well")
    daemon.wait_for("sync ")
    pid = int(daemon.wait_for("api ")[0][1])
    status, seconds = daemon.end()
    assert status == 0
    assert seconds < 5
    assert is_gone(pid)


def test_a_second_signal_ends_all_at_once(toys, tmp_path):
    (tmp_path / "deaf").touch()
    daemon = toys("well")
    daemon.wait_for("sync ")
    pid = int(daemon.wait_for("api ")[0][1])
    daemon.process.send_signal(signal.SIGTERM)
    daemon.wait_for("state stopping")
    status, seconds = daemon.end()
    assert (status, seconds < 2) == (128 + signal.SIGTERM, True)
    assert is_gone(pid)


def test_hangup_asks_the_sync_worker_for_a_sync(toys):
    daemon = toys("well")
    daemon.wait_for("sync ")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("hangup")
    assert daemon.process.poll() is None


def test_hangup_of_a_terminal_s_daemon_ends_it(toys, tmp_path):
    (tmp_path / "terminal").touch()
    daemon = toys("well")
    daemon.wait_for("sync ")
    assert daemon.end(signal.SIGHUP)[0] == 0


def test_children_die_with_a_killed_supervisor(toys):
    daemon = toys("well")
    pids = [int(daemon.wait_for(kind)[0][1]) for kind in ("api ", "sync ")]
    daemon.process.kill()
    assert all(is_gone(pid) for pid in pids)


def test_a_crash_is_told_to_the_successor_and_logged_once(toys):
    daemon = toys("segv", "well")
    first, second = daemon.wait_for("sync ", 2)
    assert second[2] == "WorkerCrashed:catalog/a/bad.yaml"
    api = daemon.lines("api ")
    assert len(api) == 1, "the API worker never noticed"
    daemon.end()
    log = daemon.process.stderr.read()
    assert log.count("ended") == 1
    assert f"sync worker {first[1]} ended: SIGSEGV with catalog/a/bad.yaml in hand" in log


@pytest.mark.parametrize(
    ("life", "reason"), [("hang", "RemoteTimeout"), ("stopped", "DeadlineExceeded")]
)
def test_a_worker_that_holds_the_interpreter_s_lock_or_stands_still_is_killed(toys, life, reason):
    daemon = toys(life, "well")
    began = time.monotonic()
    _, second = daemon.wait_for("sync ", 2)
    assert time.monotonic() - began < 5
    assert second[2] == f"{reason}:"
    assert len(daemon.lines("api ")) == 1


def test_a_killed_api_worker_is_replaced(toys):
    daemon = toys("well")
    first = daemon.wait_for("api ")[0]
    os.kill(int(first[1]), signal.SIGKILL)
    second = daemon.wait_for("api ", 2)[1]
    assert second[2] == "SIGKILL"
    assert len(daemon.lines("sync ")) == 1


def test_an_api_worker_that_stands_still_is_killed_and_replaced(toys, tmp_path):
    daemon = toys("well")
    daemon.wait_for("state ready")
    (tmp_path / "still").touch()
    second = daemon.wait_for("api ", 2)[1]
    assert second[2] == "SIGKILL"
    assert len(daemon.lines("sync ")) == 1
    daemon.end()
    assert "killed, for it gave no sign of life" in daemon.process.stderr.read()


def test_an_api_worker_that_comes_round_late_each_time_lives(toys, tmp_path):
    daemon = toys("well")
    daemon.wait_for("state ready")
    (tmp_path / "late").touch()
    daemon.wait_for("late", 12)
    assert len(daemon.lines("api ")) == 1


def test_it_is_ready_when_its_api_workers_are_and_again_after_a_hangup(toys):
    daemon = toys("well")
    daemon.wait_for("state ready")
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("state ready", 2)
    daemon.end()
    states = [line[1] for line in daemon.lines("state ")]
    assert states == ["ready:", "reloading:", "ready:", "stopping:"]


def test_a_child_that_always_fails_is_started_less_and_less_often(toys):
    daemon = toys("exit")
    daemon.wait_for("sync ", 2)
    time.sleep(2.5)
    # The delays' lower ends are 1/8, 1/4, 1/2, 1, 2 seconds …
    assert 4 <= len(daemon.lines("sync ")) <= 6


def test_memory_has_a_limit(toys):
    daemon = toys("eat")
    daemon.wait_for("memory error")
