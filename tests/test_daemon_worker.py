"""When the sync worker syncs: queue, polls, retries, announcements; by a clock that we move."""

import json
import os
import shutil
import signal
import time

import pytest
from falcon.testing import TestClient

from paod.api import create_app
from paod.config import load
from paod.daemon import open_store, prepare_state, prepare_store
from paod.daemon.agenda import DENIED_CEILING, RECHECKS
from paod.daemon.board import Board, HeldFile
from paod.daemon.child import Death
from paod.daemon.syncing import Syncing
from paod.daemon.worker import FIRST_MOVED_SECONDS, MOVED_SECONDS, SyncWorker
from paod.errors import SettingsError
from paod.metrics import Meters
from paod.model import SyncRequest
from paod.store import ProblemFilters
from paod.store.queue import MAX_QUEUED
from tests.origin import Origin
from tests.remote import GitServer
from tests.running import item
from tests.served import SECRET, signed

INTERVAL = 60.0


class Bench:
    """A worker in this process, its repository, and the clock."""

    def __init__(self, folder, origin, **extra):
        self.now = 1000.0
        self.origin = origin
        self.settings = load(
            {
                "PAO_REPO_URL": origin.url,
                "PAO_STATE_DIR": str(folder / "state"),
                "PAO_SYNC_INTERVAL": str(INTERVAL),
            }
            | extra
        )
        prepare_state(self.settings)
        prepare_store(self.settings)
        self.board = Board()
        self.start(None, SyncRequest("startup"))

    def start(self, death, first):
        self.store = open_store(self.settings)
        self.meters = Meters()
        self.syncing = Syncing(
            self.settings, self.store, self.board, death, lambda: self.now, self.meters
        )
        self.worker = SyncWorker(
            self.settings, self.syncing, self.board, lambda _low, high: high, lambda: self.now
        )
        self.worker.begin(first)

    def pass_time(self, seconds):
        """Let time pass, and the worker do all that is due then."""
        self.now += seconds
        for _ in range(10):
            if not self.worker.turn():
                return
        raise AssertionError("the worker does not come to rest")

    def runs(self):
        """Return ``trigger status reason`` of every sync that ended, oldest first."""
        rows, number = [], 1
        while (row := self.store.sync(number)) is not None:
            rows.append(f"{row['trigger']} {row['status']} {row['reason']}")
            number += 1
        return rows

    def add(self, name):
        self.origin.write(f"catalog/things/{name}.yaml", item(name))
        return self.origin.commit(f"Add {name}")

    def counted(self, name, **labels):
        """Return what the worker has counted under a metric's name."""
        return sum(
            sample.value
            for family in self.meters.collect()
            for sample in family.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )

    def applied(self):
        return self.store.head().commit


@pytest.fixture
def origin(tmp_path):
    with Origin(tmp_path) as origin:
        origin.write("catalog/things/first.yaml", item("first"))
        origin.commit("Begin")
        yield origin


@pytest.fixture
def bench(tmp_path, origin):
    bench = Bench(tmp_path, origin)
    bench.pass_time(0)
    yield bench
    bench.store.database.close()


def test_it_begins_with_a_sync(bench):
    assert bench.runs() == ["startup completed Succeeded"]
    assert bench.applied() == bench.origin.head
    assert bench.board.syncs == 1


def test_a_poll_that_finds_nothing_leaves_no_row(bench):
    bench.pass_time(INTERVAL * 1.1)
    checked = bench.store.head().checked_at
    assert checked is not None
    bench.pass_time(INTERVAL * 1.1)
    assert bench.store.head().checked_at > checked
    assert len(bench.runs()) == 1


def test_a_poll_that_finds_a_commit_brings_it(bench):
    head = bench.add("second")
    bench.pass_time(INTERVAL)
    assert bench.applied() != head, "not before the interval has passed"
    bench.pass_time(INTERVAL * 0.1)
    assert bench.applied() == head
    assert bench.runs()[1:] == ["schedule completed Succeeded"]


def test_a_lost_delivery_is_made_up_for_by_the_next_though_nothing_is_polled(tmp_path, origin):
    """A is served; B adds an item and its delivery is lost; C changes README.md alone."""
    bench = Bench(tmp_path, origin, PAO_SYNC_INTERVAL="0", PAO_WEBHOOK_SECRET=SECRET)
    bench.pass_time(0)
    client = TestClient(create_app(bench.store, bench.settings))

    def deliver(before, after, path):
        commits = [{"id": after, "added": [path], "modified": [], "removed": []}]
        payload = {"ref": "refs/heads/main", "before": before, "after": after, "forced": False}
        payload |= {"repository": {"clone_url": origin.url}, "commits": commits}
        body = json.dumps(payload).encode()
        headers = {"X-Hub-Signature-256": signed(body), "X-GitHub-Event": "push"}
        headers |= {"X-GitHub-Delivery": after}
        answer = client.simulate_post("/api/v1/webhooks/github", body=body, headers=headers)
        bench.pass_time(1)
        return answer.json["sync_triggered"]

    first = bench.applied()
    origin.write("README.md", "one")
    second = origin.commit()
    assert deliver(first, second, "README.md") is False
    assert (bench.applied(), bench.store.commit_state(second)) == (first, "applied")
    lost = bench.add("second")
    origin.write("README.md", "two")
    last = origin.commit()
    assert deliver(lost, last, "README.md") is True
    assert bench.applied() == last
    assert bench.store.commit_state(lost) == "superseded"
    assert bench.runs()[-1] == "webhook completed Succeeded"
    bench.store.close()


def test_a_repository_that_was_renamed_at_its_host_is_told_of_once(tmp_path, origin, caplog):
    origin.close()
    with GitServer(origin.path.parent) as server:
        server.renamed["former-name.git"] = "origin.git"
        bench = Bench(tmp_path, origin, PAO_REPO_URL=server.url("former-name.git"))
        bench.pass_time(0)
        assert bench.applied() == origin.head
        with caplog.at_level("WARNING"):
            bench.pass_time(FIRST_MOVED_SECONDS)
            bench.pass_time(MOVED_SECONDS)
        assert bench.store.moved_to() == server.url("origin.git")
        assert caplog.text.count("set PAO_REPO_URL to that") == 1
        bench.store.close()


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_sigterm_that_a_finalizer_swallows_ends_it_all_the_same(bench):
    """libgit2's objects have finalizers; the exception that ends the worker is lost in one."""

    class Finalized:
        def __del__(self):
            os.kill(os.getpid(), signal.SIGTERM)

    def draw(_low, high):
        Finalized()
        return high

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    worker = SyncWorker(bench.settings, bench.syncing, bench.board, draw, lambda: bench.now)
    try:
        with pytest.raises(SystemExit) as ended:
            worker.run(None)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert ended.value.code == 0


def test_without_an_interval_nothing_is_polled(tmp_path, origin):
    bench = Bench(tmp_path, origin, PAO_SYNC_INTERVAL="0")
    bench.pass_time(0)
    bench.add("second")
    bench.pass_time(100_000)
    assert len(bench.runs()) == 1


def test_a_request_is_served_whatever_the_time(bench):
    head = bench.add("second")
    bench.store.enqueue(SyncRequest("manual"))
    bench.worker.turn()
    assert bench.applied() == head


def test_a_failing_remote_is_recorded_and_retried_backing_off(bench, tmp_path):
    hidden = bench.origin.path.rename(tmp_path / "hidden.git")
    bench.pass_time(INTERVAL * 1.1)
    assert len(bench.runs()) == 2
    assert bench.runs()[-1].startswith("schedule failed")
    bench.pass_time(DENIED_CEILING - 0.1)
    assert len(bench.runs()) == 2
    bench.pass_time(0.1)
    assert len(bench.runs()) == 3
    bench.pass_time(2 * DENIED_CEILING - 0.1)
    assert len(bench.runs()) == 3
    hidden.rename(bench.origin.path)
    head = bench.add("second")
    bench.pass_time(0.1)
    assert bench.runs()[-1] == "schedule completed Succeeded"
    assert bench.applied() == head


def test_a_retry_is_of_what_was_asked_for(bench, tmp_path):
    hidden = bench.origin.path.rename(tmp_path / "hidden.git")
    bench.store.enqueue(SyncRequest("manual", mode="full"))
    bench.worker.turn()
    hidden.rename(bench.origin.path)
    bench.pass_time(DENIED_CEILING)
    row = bench.store.sync(3)
    assert (row["trigger"], row["mode"], row["status"]) == ("schedule", "full", "completed")


def test_a_request_runs_at_once_even_while_a_retry_waits(bench, tmp_path):
    hidden = bench.origin.path.rename(tmp_path / "hidden.git")
    bench.store.enqueue(SyncRequest("manual"))
    bench.worker.turn()
    hidden.rename(bench.origin.path)
    bench.store.enqueue(SyncRequest("webhook"))
    bench.worker.turn()
    assert bench.runs()[-1].startswith("webhook completed")
    bench.pass_time(10.0)
    assert bench.runs()[-1].startswith("webhook completed"), "and the retry is not needed any more"


def test_a_failed_full_sync_is_not_forgotten_for_another_that_went_well(bench, tmp_path):
    fail(bench, tmp_path, SyncRequest("manual", mode="full"))
    bench.store.enqueue(SyncRequest("webhook"))
    bench.pass_time(DENIED_CEILING)
    assert bench.runs()[2].startswith("webhook completed")
    assert bench.runs()[3:] == ["schedule completed Succeeded"]
    assert bench.store.sync(4)["mode"] == "full"


def test_a_failed_full_sync_is_not_forgotten_for_another_that_fails(bench, tmp_path):
    hidden = bench.origin.path.rename(tmp_path / "hidden.git")
    for mode in ("full", "incremental"):
        bench.store.enqueue(SyncRequest("manual", mode=mode))
        bench.worker.turn()
    hidden.rename(bench.origin.path)
    bench.pass_time(20.0)
    assert bench.store.sync(5)["mode"] == "full"
    assert bench.store.sync(5)["status"] == "completed"


def test_a_failed_resume_outlives_what_the_pin_kept_from_running(bench, tmp_path):
    hold(bench)
    fail(bench, tmp_path, SyncRequest("manual", pin="clear"))
    bench.store.enqueue(SyncRequest("webhook"))
    bench.worker.turn()
    assert bench.runs()[-1] == "webhook completed Pinned"
    bench.pass_time(20.0)
    assert bench.store.head().pin is None
    assert bench.runs()[4:] == ["schedule completed Succeeded"]


def test_a_failed_resume_is_not_tried_again_after_a_newer_rollback(bench, tmp_path):
    hold(bench)
    fail(bench, tmp_path, SyncRequest("manual", pin="clear"))
    hold(bench)
    bench.pass_time(1000.0)
    assert bench.store.head().pin is not None
    assert len(bench.runs()) == 4


def test_an_announced_commit_is_looked_for_soon(bench):
    webhook = {"ref": "refs/heads/main", "after": "f" * 40}
    bench.store.enqueue(SyncRequest("webhook", webhook=webhook))
    bench.worker.turn()
    head = bench.add("second")
    bench.pass_time(RECHECKS[0])
    assert bench.applied() == head
    assert bench.runs()[-1] == "webhook completed Succeeded"


def test_a_commit_that_never_comes_is_given_up(bench):
    webhook = {"ref": "refs/heads/main", "after": "f" * 40}
    bench.store.enqueue(SyncRequest("webhook", webhook=webhook))
    bench.worker.turn()
    for seconds in RECHECKS:
        bench.pass_time(seconds)
    assert len(bench.runs()) == 2
    bench.add("second")
    bench.pass_time(INTERVAL * 1.1)
    assert bench.runs()[2:] == ["schedule completed Succeeded"]


def test_an_announced_commit_that_is_there_needs_no_other_look(bench):
    head = bench.add("second")
    bench.store.enqueue(SyncRequest("webhook", webhook={"after": head}))
    bench.worker.turn()
    checked = bench.store.head().checked_at
    bench.pass_time(RECHECKS[-1])
    assert bench.store.head().checked_at == checked


def test_a_pinned_catalog_is_polled_and_does_not_move(bench):
    held = bench.applied()
    bench.store.enqueue(SyncRequest("rollback", commit=held, pin="set", reason="bad release"))
    bench.worker.turn()
    bench.add("second")
    bench.pass_time(INTERVAL * 1.1)
    assert bench.applied() == held
    assert bench.store.head().checked_at is not None
    assert len(bench.runs()) == 2
    bench.store.enqueue(SyncRequest("manual", pin="clear"))
    bench.worker.turn()
    assert bench.applied() == bench.origin.head


def test_a_commit_asked_for_without_a_pin_is_left_at_the_next_poll(bench):
    first = bench.applied()
    head = bench.add("second")
    bench.store.enqueue(SyncRequest("manual"))
    bench.store.enqueue(SyncRequest("manual", commit=first))
    bench.worker.turn()
    bench.worker.turn()
    assert bench.applied() == first
    bench.pass_time(INTERVAL * 1.1)
    assert bench.applied() == head


def test_a_refused_commit_is_not_tried_at_every_poll(tmp_path, origin):
    bench = Bench(tmp_path, origin, PAO_SYNC_POLICY="strict")
    bench.pass_time(0)
    bench.origin.write("catalog/things/bad.yaml", "name: [")
    bench.origin.commit("Break")
    bench.pass_time(INTERVAL * 1.1)
    bench.pass_time(INTERVAL * 1.1)
    assert bench.runs()[1:] == ["schedule rejected ProblemsFound"]


def test_a_refused_commit_is_something_newer_at_every_poll(tmp_path, origin):
    bench = Bench(tmp_path, origin, PAO_SYNC_POLICY="strict")
    bench.pass_time(0)
    checked = bench.store.head().checked_at
    bench.origin.write("catalog/things/bad.yaml", "name: [")
    bench.origin.commit("Break")
    for _ in range(3):
        bench.pass_time(INTERVAL * 1.1)
    assert bench.store.head().checked_at == checked


def test_an_emptied_repository_is_not_tried_at_every_poll(bench):
    held = bench.applied()
    checked = bench.store.head().checked_at
    bench.origin.delete(bench.origin.branch)
    for _ in range(4):
        bench.pass_time(INTERVAL * 1.1)
    assert bench.runs()[1:] == ["schedule blocked EmptyRepository"]
    assert bench.store.head().checked_at == checked
    assert bench.applied() == held


def test_a_full_queue_is_served_though_the_worker_wants_more(bench, origin):
    for _ in range(MAX_QUEUED):
        bench.store.enqueue(SyncRequest("manual", commit=bench.origin.head))
    bench.worker.ask(SyncRequest("manual", reason="SIGHUP"))
    bench.worker.ask(SyncRequest("manual", reason="SIGHUP"))
    for _ in range(3):
        bench.worker.turn()
    assert [row.split()[1] for row in bench.runs()[1:5]] == ["completed"] * 3 + ["queued"]
    assert len(bench.store.queue()) == MAX_QUEUED + 1 - 3


def test_neither_a_dry_run_nor_a_bare_call_moves_the_next_look_at_the_remote(bench):
    bench.pass_time(0)
    before = bench.applied()
    bench.add("second")
    bench.store.enqueue(SyncRequest("manual", dry_run=True))
    for _ in range(3):
        bench.store.database.wake()
        bench.worker.wait()
        bench.pass_time(1.0)
    assert bench.applied() == before


def test_what_a_dead_worker_left_is_failed_and_run_again(bench):
    head = bench.add("second")
    bench.store.enqueue(SyncRequest("manual"))
    assert bench.store.claim() is not None
    bench.store.database.close()
    bench.start(Death(-9, True, "fetch"), None)
    bench.pass_time(0)
    assert bench.runs()[1] == "manual failed RemoteTimeout"
    assert bench.runs()[2] == "manual completed Succeeded"
    assert bench.applied() == head


def die(bench, request=None):
    """Let a worker die while it runs a sync, and start the next."""
    if request is not None:
        bench.store.enqueue(request)
    with bench.syncing.alone() as mine:
        assert mine
        assert bench.store.claim() is not None
    bench.store.database.close()
    bench.start(Death(-9, True, "fold"), None)


def test_what_kills_every_worker_is_tried_later_and_later(bench):
    die(bench, SyncRequest("manual"))
    for pause in (2, 4, 8):
        die(bench)
        bench.pass_time(0)
        bench.pass_time(pause - 0.1)
        assert bench.runs()[-1] == "manual queued "
        bench.now += 0.2
    bench.pass_time(0)
    assert bench.runs()[-1] == "manual completed UpToDate"


def test_a_new_request_does_not_wait_for_what_killed_a_worker(bench):
    die(bench, SyncRequest("manual"))
    die(bench)
    bench.pass_time(0)
    head = bench.add("second")
    bench.store.enqueue(SyncRequest("webhook"))
    bench.pass_time(0)
    assert bench.applied() == head


def test_what_another_process_runs_is_not_given_up(bench):
    other = open_store(bench.settings)
    bench.store.enqueue(SyncRequest("manual"))
    with other.database.sync_lock() as mine:
        assert mine
        claimed = other.claim()
        bench.syncing.abandon()
        assert other.sync(claimed.id)["status"] == "running"
    bench.syncing.abandon()
    assert other.sync(claimed.id)["reason"] == "Interrupted"
    other.database.close()


class Reader(Board):
    """A board that looks, at each phase, what readers of the API see of the sync."""

    def __init__(self, bench):
        super().__init__()
        self._bench = bench
        self.seen = set()

    def enter(self, phase, seconds):
        current = self._bench.store.current()
        self.seen.add(current and current["phase"])
        super().enter(phase, seconds)


def test_readers_see_what_a_sync_does(bench):
    bench.board = Reader(bench)
    bench.store.database.close()
    bench.start(None, SyncRequest("manual", mode="full"))
    bench.pass_time(0)
    assert {"starting", "fetch", "fold"} <= bench.board.seen
    assert bench.store.sync(2)["phase"] is None


def test_a_file_that_killed_two_workers_is_set_aside(bench):
    bench.add("second")
    bench.origin.write("catalog/things/killer.yaml", item("killer"))
    bench.origin.commit("Kill")
    oid = blob_of(bench.origin, "catalog/things/killer.yaml")
    for _ in range(2):
        bench.store.database.close()
        held = HeldFile(oid, "catalog/things/killer.yaml", 1.0)
        bench.start(Death(-11, False, "fold", held), None)
        bench.worker.turn()
    bench.pass_time(0)
    codes = [row["code"] for row in open_problems(bench.store)]
    assert codes == ["crashes-parser"]
    assert bench.runs()[-1].endswith("completed Succeeded")


def test_a_lost_mirror_is_made_again(bench):
    shutil.rmtree(bench.settings.mirror_dir)
    head = bench.add("second")
    bench.pass_time(INTERVAL * 1.1)
    assert bench.applied() == head


def test_while_another_process_syncs_nothing_is_served(bench):
    other = open_store(bench.settings)
    head = bench.add("second")
    with other.database.sync_lock() as mine:
        assert mine
        bench.store.enqueue(SyncRequest("manual"))
        bench.worker.turn()
        assert bench.applied() != head
    bench.worker.turn()
    assert bench.applied() == head
    other.database.close()


def fail(bench, tmp_path, request):
    """Let a request run while the remote cannot be reached."""
    hidden = bench.origin.path.rename(tmp_path / "hidden.git")
    bench.store.enqueue(request)
    bench.worker.turn()
    assert bench.runs()[-1].split()[1] == "failed"
    hidden.rename(bench.origin.path)


def hold(bench):
    """Pin the catalog where it is."""
    held = bench.applied()
    bench.store.enqueue(SyncRequest("rollback", commit=held, pin="set", reason="bad release"))
    bench.worker.turn()
    assert bench.store.head().pin is not None


def blob_of(origin, path):
    return origin.git("rev-parse", f"HEAD:{path}")


def open_problems(store):
    return store.problems(ProblemFilters(), None, 50).rows


def test_fetches_and_new_mirrors_are_counted(bench):
    assert bench.counted("paod_git_fetch_total", result="success") == 1
    bench.pass_time(INTERVAL * 1.1)
    assert bench.counted("paod_git_fetch_total") == 1, "a poll that finds nothing fetches nothing"
    bench.add("second")
    shutil.rmtree(bench.settings.mirror_dir / "objects")
    bench.pass_time(INTERVAL * 1.1)
    assert bench.counted("paod_git_mirror_rebuilds_total") == 1
    assert bench.counted("paod_git_fetch_total", result="success") == 2
    bench.origin.rename("main", "trunk")
    bench.pass_time(INTERVAL * 1.1)
    assert bench.counted("paod_git_fetch_total", result="failure") == 1
    assert bench.counted("paod_git_fetch_duration_seconds_count") == 3


@pytest.mark.parametrize(
    ("death", "failures"),
    [
        (Death(-9, overran=True, phase="fetch"), 1),
        (Death(-9, overran=True, phase="fold"), 0),
        (Death(-9, phase="fetch"), 0),
    ],
)
def test_a_fetch_that_was_killed_for_its_length_failed(bench, death, failures):
    bench.start(death, None)
    bench.pass_time(0)
    assert bench.counted("paod_git_fetch_total", result="failure") == failures


def test_while_it_rests_it_waits_and_asks_for_nothing_more(bench):
    """What kills each worker must not keep a core busy, nor be asked for anew as if it were new."""
    bench.store.enqueue(SyncRequest("manual"))
    bench.store.claim()
    bench.store.recover()
    bench.store.claim()
    bench.start(Death(-9), None)
    bench.pass_time(0)
    assert bench.syncing.rests
    began = time.monotonic()
    for _ in range(3):  # the first of them hears of what was queued
        bench.worker.wait()
        assert not bench.worker.turn()
    assert time.monotonic() - began > 0.5
    assert len(bench.store.queue()) == 1
    bench.pass_time(2)
    assert not bench.syncing.rests
    assert bench.store.queue() == []


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o702])
def test_a_state_folder_that_every_user_may_write_is_refused(tmp_path, mode):
    settings = load({"PAO_REPO_URL": "/x", "PAO_STATE_DIR": str(tmp_path / "state")})
    prepare_state(settings)
    settings.state_dir.chmod(mode)
    with pytest.raises(SettingsError, match=r"state can be written by every user"):
        prepare_state(settings)


def test_a_database_that_every_user_may_write_is_refused(tmp_path):
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    settings = load(
        {"PAO_REPO_URL": "/x", "PAO_STATE_DIR": str(tmp_path / "state"), "PAO_DB_URL": url}
    )
    prepare_state(settings)
    (tmp_path / "elsewhere.db").touch(0o666)
    (tmp_path / "elsewhere.db").chmod(0o666)
    with pytest.raises(SettingsError, match=r"elsewhere.db can be written by every user"):
        prepare_state(settings)
