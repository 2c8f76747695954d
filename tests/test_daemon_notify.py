"""What systemd hears, from a real daemon on a real socket, and what happens when a part hangs."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from paod.daemon import Notifier, inherited_listener
from paod.daemon.backoff import Backoff
from paod.daemon.board import Board, short_time
from paod.daemon.standing import standing_words
from paod.daemon.supervisor import ABSENCE, SECOND_LOOK, Slot, Supervisor
from paod.errors import SettingsError
from tests.ear import Ear
from tests.origin import Origin
from tests.programs import program
from tests.running import Running, item
from tests.served import POSTGRES, Served
from tests.served import item as served_item


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[Ear]:
    with contextlib.closing(Ear(tmp_path / "notify")) as made:
        yield made


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    with Origin(tmp_path) as made:
        made.write("catalog/a/one.yaml", item("one")).write("catalog/a/bad.yaml", "name: [")
        made.commit("first")
        yield made


def test_u3_a_daemon_tells_its_whole_life(tmp_path: Path, ear: Ear, origin: Origin) -> None:
    """READY once it serves, STATUS with commit and problems, WATCHDOG in time, STOPPING."""
    daemon = Running(
        tmp_path / "state", origin.url, NOTIFY_SOCKET=str(ear.path), WATCHDOG_USEC="3000000"
    )
    try:
        ear.listen("READY")
        daemon.get("/livez", timeout=2)
        status = ear.listen("serving")["STATUS"]
        assert re.fullmatch(
            rf"serving {origin.head[:12]}, 1 error and 0 warnings open, checked \d+ s ago", status
        )
        daemon.process.send_signal(signal.SIGHUP)
        assert int(ear.listen("RELOADING")["MONOTONIC_USEC"]) > 0
        ear.listen("READY")
        signs = [at for at, message in ear.heard if "WATCHDOG" in message]
        assert max(later - sooner for sooner, later in itertools.pairwise(signs)) < 3
        assert daemon.stop()[0] == 0
        ear.listen("STOPPING")
    finally:
        daemon.kill()


def test_o5_it_is_ready_though_every_sync_worker_dies(
    tmp_path: Path, ear: Ear, origin: Origin
) -> None:
    """The last good catalog is served, and systemd does not take that away by restarting."""
    daemon = Running(
        tmp_path / "state",
        origin.url,
        NOTIFY_SOCKET=str(ear.path),
        PAOD_FAILPOINT="phase:setting up",
    )
    try:
        daemon.wait_for(lambda: len(daemon.workers("sync")) > 2)
        ear.listen("READY")
        assert daemon.get("/livez", timeout=2)
    finally:
        daemon.kill()


def test_the_status_line_says_what_is_served_and_why_it_may_be_old(tmp_path: Path) -> None:
    served = Served(tmp_path)

    def words() -> str:
        return standing_words(served.store, served.settings, datetime.now(UTC))[0]

    assert words() == "serving nothing yet, 0 errors and 0 warnings open, stale (NeverSynced)"
    served.push({POSTGRES: served_item()})
    commit = served.store.head().commit
    assert words() == f"serving {commit[:12]}, 0 errors and 0 warnings open"
    served.end("failed")
    assert words().endswith(", stale (RemoteUnreachable)")
    served.pin(commit)
    assert words() == f"serving {commit[:12]}, pinned, 0 errors and 0 warnings open"
    served.store.close()


def test_o4_nothing_is_told_while_a_child_is_overdue() -> None:
    """One that cannot even be killed ends in a restart of everything, by systemd."""
    board, told = Board(), []
    slot = Slot("sync", lambda _: 0, Backoff(max), pid=1)
    supervisor = Supervisor([slot], board)
    for seconds in (60.0, -1.0):
        board.enter("fetch", seconds)
        supervisor._report(told.append)
    assert told == ["ready", "alive"]


def test_who_overran_is_killed_but_not_for_what_a_frozen_machine_kept_from_all() -> None:
    board = Board()
    with subprocess.Popen(["sleep", "60"]) as child:
        slot = Slot("sync", lambda _: 0, Backoff(max), pid=child.pid)
        supervisor = Supervisor([slot], board)
        board.enter("fetch", -1.0)
        supervisor._last_turn -= 2 * ABSENCE
        supervisor._kill_overdue()
        assert child.poll() is None
        supervisor._patient_until = 0.0
        slot.suspected -= SECOND_LOOK
        supervisor._kill_overdue()
        assert child.wait(10) == -signal.SIGKILL


@pytest.mark.parametrize("name", ["@paod-test-{pid}", "{folder}/notify"])
def test_it_finds_the_socket_and_lets_no_child_speak(tmp_path: Path, name: str) -> None:
    address = name.format(pid=os.getpid(), folder=tmp_path)
    environ = {"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7", "A": "b"}
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind(address.replace("@", "\0"))
        notifier = Notifier.of(environ, 7)
        assert environ == {"A": "b"}
        notifier("alive", "serving")
        notifier("alive", "not yet again")
        assert ear.recv(4096) == b"STATUS=serving\nWATCHDOG=1"
        notifier("stopping", "")
        assert ear.recv(4096) == b"STOPPING=1\nSTATUS=stopping"
    notifier("stopping", "")  # and nobody is there any more


def test_a_watchdog_for_another_process_is_not_fed(tmp_path: Path, ear: Ear) -> None:
    environ = {"NOTIFY_SOCKET": str(ear.path), "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "7"}
    Notifier.of(environ, 8)("ready", "serving")
    assert ear.listen("READY") == {"READY": "1", "STATUS": "serving"}


def test_where_nobody_asks_nothing_is_told() -> None:
    Notifier.of({}, 7)("ready", "serving")


def test_times_are_short() -> None:
    told = [short_time(seconds) for seconds in (-1, 59.9, 60, 7200, 200_000)]
    assert told == ["0 s", "59 s", "1 min", "2 h", "2 d"]


def test_a_socket_that_systemd_made_is_served_and_left_to_it(
    tmp_path: Path, origin: Origin
) -> None:
    """By systemd's own program for it, which waits for a first connection as the unit does."""
    path = tmp_path / "paod.sock"
    under = [program("systemd-socket-activate"), "--listen", str(path)]
    for name in ("PAO_REPO_URL", "PAO_STATE_DIR", "PAO_ADMIN_TOKEN", "PAO_SYNC_INTERVAL"):
        under += ["--setenv", name]
    caller = threading.Thread(target=_call, args=(path,))
    caller.start()
    daemon = Running(tmp_path / "state", origin.url, under=under, PAO_LISTEN=f"unix:{path}")
    try:
        caller.join(30)
        daemon.wait_for_names("one")
        assert daemon.stop()[0] == 0
        assert path.exists()
    finally:
        daemon.kill()


def _call(path: Path) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            return
        time.sleep(0.05)


@pytest.mark.parametrize("environ", [{}, {"LISTEN_PID": "8", "LISTEN_FDS": "1"}])
def test_no_socket_is_taken_that_is_not_ours(environ: dict[str, str]) -> None:
    assert inherited_listener(environ, 7) is None


def test_two_sockets_are_one_too_many() -> None:
    with pytest.raises(SettingsError, match="hands over 2 sockets"):
        inherited_listener({"LISTEN_PID": "7", "LISTEN_FDS": "2"}, 7)
