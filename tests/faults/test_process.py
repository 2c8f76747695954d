"""Processes that are killed, hang, crash or are told to end: the catalog stays, the API answers."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest

from tests.origin import Origin
from tests.running import ROOT, Running, item


@pytest.fixture
def origin(tmp_path):
    with Origin(tmp_path) as origin:
        origin.write("catalog/things/first.yaml", item("first"))
        origin.commit("Begin")
        yield origin


@pytest.fixture
def serve(tmp_path, origin):
    started = []

    def start(**extra):
        served = Running(tmp_path / "state", origin.url, **extra)
        started.append(served)
        return served

    yield start
    for served in started:
        served.kill()


class Watching:
    """Asks for the items all the time, and notes what went wrong."""

    def __init__(self, served):
        self._served = served
        self._end = threading.Event()
        self.answers, self.failures = 0, []

    def __enter__(self):
        self._thread = threading.Thread(target=self._ask, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._end.set()
        self._thread.join(15)

    def _ask(self):
        while not self._end.is_set():
            try:
                self._served.get("/api/v1/catalog/items", timeout=5)
                self.answers += 1
            except Exception as error:
                self.failures.append(repr(error))
            time.sleep(0.02)


def test_d1_killed_in_a_sync_it_comes_back_and_syncs(serve, origin, tmp_path):
    served = serve(PAOD_FAILPOINT="before_commit", PAOD_FAILPOINT_ONCE=str(tmp_path / "once"))
    served.wait_for_names("first")
    assert len(served.workers("sync")) == 2
    assert len(served.workers("api")) == 1
    first, *_, last = served.syncs()
    assert (first["status"], first["reason"]) == ("failed", "WorkerCrashed")
    assert "SIGKILL" in first["message"]
    assert last["status"] == "completed"


@pytest.mark.parametrize("place", ["after_claim", "before_apply", "after_apply"])
def test_d1_wherever_it_is_killed_the_request_is_not_lost(serve, origin, tmp_path, place):
    served = serve(PAOD_FAILPOINT=place, PAOD_FAILPOINT_ONCE=str(tmp_path / "once"))
    served.wait_for_names("first")
    served.wait_for(lambda: not served.status()["queued"])
    assert served.status()["head"]["commit_hash"] == origin.head


def test_o3_a_crash_is_not_seen_by_readers(serve, origin):
    served = serve()
    served.wait_for_names("first")
    origin.write("catalog/things/second.yaml", item("second"))
    origin.commit("Add")
    with Watching(served) as watching:
        for count in range(3):
            os.kill(served.workers("sync")[-1], signal.SIGSEGV)
            served.wait_for(lambda count=count: len(served.workers("sync")) == count + 2)
        served.sync()
        served.wait_for_names("first", "second")
    assert not watching.failures
    assert watching.answers > 10
    assert len(served.workers("api")) == 1


def test_o3_a_file_that_crashes_the_worker_twice_is_set_aside_and_the_rest_lands(serve, origin):
    origin.write("catalog/things/killer.yaml", item("killer"))
    origin.write("catalog/things/second.yaml", item("second"))
    origin.commit("Add a killer")
    served = serve(PAOD_FAILPOINT="in_hand:catalog/things/killer.yaml=segv")
    served.wait_for_names("first", "second")
    assert len(served.workers("sync")) == 3
    (problem,) = served.get("/api/v1/admin/catalog/validation-errors")["validation_errors"]
    assert (problem["code"], problem["path"]) == ("crashes-parser", "catalog/things/killer.yaml")
    cut_off = [sync for sync in served.syncs() if sync["reason"] == "WorkerCrashed"]
    assert len(cut_off) == 2
    assert "while it examined catalog/things/killer.yaml" in cut_off[0]["message"]


def test_o8_a_hang_among_git_s_objects_sets_the_mirror_aside(serve, origin, tmp_path):
    served = serve(
        PAOD_FAILPOINT="phase:fold=hang",
        PAOD_FAILPOINT_ONCE=str(tmp_path / "once"),
        PAO_SYNC_TIMEOUT="2",
    )
    served.wait_for_names("first")
    first, *_, last = served.syncs()
    assert first["reason"] == "DeadlineExceeded"
    assert last["status"] == "completed"
    assert [line for line in served.log if "a sync died reading it" in line]


def test_o3_a_hang_that_holds_the_interpreter_s_lock_ends_at_the_sync_s_deadline(
    serve, origin, tmp_path
):
    served = serve(
        PAOD_FAILPOINT="before_apply=hang",
        PAOD_FAILPOINT_ONCE=str(tmp_path / "once"),
        PAO_SYNC_TIMEOUT="1",
    )
    with Watching(served) as watching:
        served.wait_for_names("first")
    assert not watching.failures
    assert served.syncs()[0]["reason"] == "DeadlineExceeded"


def test_p4_a_second_daemon_is_refused_and_the_first_one_stays(serve):
    served = serve()
    second = subprocess.run(
        [sys.executable, "-m", "paod", "serve"],
        cwd=ROOT,
        env=served.environment,
        capture_output=True,
        text=True,
        timeout=20,
    )
    assert second.returncode == 75
    assert f"process {served.process.pid}" in second.stderr
    served.wait_for_names("first")


def test_a_second_daemon_takes_over_where_the_first_was_killed(serve):
    first = serve()
    first.wait_for_names("first")
    first.kill()
    serve().wait_for_names("first")


@pytest.mark.parametrize(
    ("failpoint", "number"),
    [
        ("", signal.SIGTERM),
        ("", signal.SIGINT),
        ("phase:fetch=hang", signal.SIGTERM),
        ("before_commit=hang", signal.SIGTERM),
    ],
    ids=["idle", "idle, Ctrl-C", "fetch", "transaction"],
)
def test_o1_it_ends_within_five_seconds_whatever_it_is_doing(serve, failpoint, number):
    served = serve(PAOD_FAILPOINT=failpoint)
    served.wait_for(lambda: served.workers("sync"))
    time.sleep(0.5)
    children = served.workers("sync") + served.workers("api")
    status, seconds = served.stop(number)
    assert status == 0
    assert seconds < 5
    assert not [pid for pid in children if is_alive(pid)]


def test_o1_what_was_under_way_is_finished_after_the_next_start(serve, origin):
    served = serve(PAOD_FAILPOINT="before_commit=hang")
    served.wait_for(lambda: served.status()["current"])
    served.stop()
    served.start(PAOD_FAILPOINT="")
    served.wait_for_names("first")
    assert served.syncs()[0]["reason"] == "Interrupted"


def test_o1_an_answer_under_way_is_finished(serve):
    served = serve()
    served.wait_for_names("first")
    answers = []

    def wait_for_news():
        answers.append(served.ask("GET", "/api/v1/catalog/changes?since=1&wait=30"))

    waiting = threading.Thread(target=wait_for_news)
    waiting.start()
    time.sleep(0.5)
    status, seconds = served.stop()
    waiting.join(5)
    assert (status, seconds < 3) == (0, True)
    assert answers[0][0] == 200


def test_o2_a_second_signal_does_not_wait(serve):
    served = serve(PAOD_FAILPOINT="before_commit=hang")
    served.wait_for(lambda: served.workers("sync"))
    time.sleep(0.7)
    served.process.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    status, seconds = served.stop()
    assert (status, seconds < 2) == (128 + signal.SIGTERM, True)


def test_o2_hangup_asks_for_a_sync(serve, origin):
    served = serve()
    served.wait_for_names("first")
    origin.write("catalog/things/second.yaml", item("second"))
    origin.commit("Add")
    served.process.send_signal(signal.SIGHUP)
    served.wait_for_names("first", "second")


def test_a_unix_socket_serves_and_is_removed(serve, tmp_path):
    served = serve(PAO_LISTEN=f"unix:{tmp_path}/paod.sock")
    served.wait_for_names("first")
    assert served.stop()[0] == 0
    assert not (tmp_path / "paod.sock").exists()


def test_two_api_workers_share_the_socket_and_each_is_replaced(serve):
    served = serve(PAO_API_WORKERS="2")
    served.wait_for_names("first")
    assert len(served.workers("api")) == 2
    for pid in served.workers("api"):
        os.kill(pid, signal.SIGKILL)
    served.wait_for(lambda: len(served.workers("api")) == 4)
    served.wait_for_names("first")


def test_o17_it_serves_before_the_remote_answers(serve, origin, tmp_path):
    origin.path.rename(tmp_path / "hidden.git")
    served = serve()
    status, body = served.ask("GET", "/readyz")
    assert status == 503, body
    served.wait_for(lambda: served.syncs() and served.syncs()[-1]["status"] == "failed")
    (tmp_path / "hidden.git").rename(origin.path)
    served.wait_for_names("first")
    assert served.ask("GET", "/readyz")[0] == 200


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_port_can_be_taken_again_at_once(serve):
    served = serve()
    served.wait_for_names("first")
    port = served.port
    served.stop()
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_d11_after_an_orderly_end_the_database_is_one_file(serve, origin):
    served = serve()
    served.wait_for_names("first")
    assert served.stop()[0] == 0
    assert not list(served.folder.glob("paod.db-wal"))
