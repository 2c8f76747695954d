"""The page of memory on which the sync worker says what it does, and what a death tells."""

import os
import signal
import time

import pytest

from paod.daemon.board import FILE_SECONDS, Board, HeldFile
from paod.daemon.child import Death
from paod.daemon.page import Page, Record
from tests import torn

HELD = HeldFile("ab" * 20, "catalog/databases/postgres.yaml", 1.0)


def in_child(body) -> int:
    pid = os.fork()
    if pid == 0:
        body()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_nobody_is_there_at_first():
    board = Board()
    assert (board.phase, board.held, board.syncs) == ("", None, 0)
    assert not board.overdue(time.monotonic())


def test_what_a_child_writes_the_parent_reads():
    board = Board()

    def work():
        board.enter("fetch", 60.0)
        board.count_sync()

    assert in_child(work) == 0
    assert (board.phase, board.syncs) == ("fetch", 1)


def test_a_file_in_hand_outlives_the_child_that_held_it():
    board = Board()

    def die():
        board.hold(HELD.oid, HELD.path)
        os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(die) == -signal.SIGKILL
    assert board.held is not None
    assert (board.held.oid, board.held.path) == (HELD.oid, HELD.path)
    board.release()
    assert board.held is None


def test_deadlines_pass():
    board = Board()
    board.enter("fetch", 5.0)
    assert not board.overdue(time.monotonic())
    assert board.overdue(time.monotonic() + 6.0)
    board.leave()
    assert not board.overdue(time.monotonic() + 6.0)


def test_a_file_in_hand_has_a_deadline_of_its_own():
    board = Board()
    board.enter("fold", 1000.0)
    board.hold(HELD.oid, HELD.path)
    assert not board.overdue(time.monotonic())
    assert board.overdue(time.monotonic() + FILE_SECONDS + 1)
    board.hold("", "")
    assert not board.overdue(time.monotonic() + FILE_SECONDS + 1)
    board.enter("fold", 1.0)
    board.hold(HELD.oid, HELD.path)
    assert not board.overdue(time.monotonic() + 2.0), "it ends when the file is laid down"
    board.hold("", "")
    assert board.overdue(time.monotonic() + 2.0)


def test_texts_are_cut_not_spilled():
    board = Board()
    board.count_sync()
    board.enter("x" * 100, 1.0)
    board.hold("f" * 64, "é" * 5000)
    assert board.held is not None
    assert board.held.oid == "f" * 64
    assert board.held.path == "é" * 1024
    assert (board.phase, board.syncs) == ("x" * 32, 1)
    board.enter("plan", 1.0)
    assert board.held is None, "what begins a new phase has laid the file down"


@pytest.mark.parametrize(
    ("death", "reason", "blamed"),
    [
        (Death(-signal.SIGSEGV, phase="walk", held=HELD), "WorkerCrashed", True),
        (Death(70, phase="walk", held=HELD), "WorkerCrashed", True),
        (Death(-signal.SIGKILL, True, "walk", HELD, FILE_SECONDS), "DeadlineExceeded", True),
        (Death(-signal.SIGKILL, True, "walk", HELD, 1.3), "DeadlineExceeded", False),
        (Death(-signal.SIGKILL, False, "walk", HELD), "WorkerCrashed", False),
        (Death(-signal.SIGTERM, False, "walk", HELD), "Interrupted", False),
        (Death(-signal.SIGSEGV, phase="apply"), "WorkerCrashed", False),
        (Death(-signal.SIGKILL, True, "fetch"), "RemoteTimeout", False),
        (Death(-signal.SIGKILL, True, "fold"), "DeadlineExceeded", False),
        (Death(0), "Interrupted", False),
    ],
)
def test_a_death_says_why_and_whom_it_blames(death, reason, blamed):
    assert death.reason == reason
    assert death.blamed == (HELD if blamed else None)


def test_a_death_is_told_in_a_sentence():
    crash = Death(-signal.SIGSEGV, phase="walk", held=HELD)
    assert crash.message == f"the sync worker ended (SIGSEGV) while it examined {HELD.path}"
    hang = Death(-signal.SIGKILL, True, "fetch")
    assert hang.message == "the sync worker was killed in its fetch phase, which took too long"


def test_no_reader_sees_half_of_what_is_written():
    assert torn.read_promises(300_000) == 0
    assert torn.read_phases(30_000) == 0
    assert torn.read_standing(30_000) == 0


def test_a_record_whose_writer_died_within_it_is_the_one_before():
    page = Page(4096)
    record = Record(page, 64, 100)
    assert record.read() == b""
    record.write(b"first")
    record.write(b"second")
    third = bytes(page.memory)
    record.write(b"third")
    changed = [at for at in range(4096) if page.memory[at] != third[at]]
    for left in range(1, len(changed)):
        page.memory[:] = third
        for at in changed[:left]:
            page.memory[at : at + 1] = b"\xff"
        assert record.read() == b"second"
        record.write(b"next")
        assert record.read() == b"next"
