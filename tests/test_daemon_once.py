"""One sync for a command: here in a child, or by the daemon that runs."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from paod.config import load
from paod.daemon import daemon_running, open_store, run_once
from paod.daemon.instance import Instance, lock_paths
from paod.model import SyncRequest
from tests.origin import Origin
from tests.receiver import Receiver
from tests.running import ROOT, item


@pytest.fixture
def origin(tmp_path):
    with Origin(tmp_path) as origin:
        origin.write("catalog/things/first.yaml", item("first"))
        origin.commit("Begin")
        yield origin


@pytest.fixture
def environment(tmp_path, origin):
    return {
        "PATH": os.environ["PATH"],
        "PAO_REPO_URL": origin.url,
        "PAO_STATE_DIR": str(tmp_path / "state"),
    }


@pytest.fixture
def settings(environment):
    return load(environment)


def paod_sync(environment, *arguments, **extra):
    """Start ``paod sync --json`` as a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "paod", "sync", "--json", *arguments],
        cwd=ROOT,
        env=environment | extra,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_one_sync_in_a_child(settings, origin):
    assert not daemon_running(settings)
    phases = []
    row = run_once(settings, SyncRequest("manual"), phases.append)
    assert (row["status"], row["to_commit"], row["items_added"]) == ("completed", origin.head, 1)
    assert phases[0] == "starting"
    assert run_once(settings, SyncRequest("manual"))["reason"] == "UpToDate"


def test_without_a_daemon_the_command_tells_others(environment):
    with Receiver() as receiver:
        told = {"PAO_ALERT_URL": receiver.url("/alerts"), "PAO_ALERT_CHANGES": "true"}
        run_once(load(environment | told), SyncRequest("manual"))
        assert [got.json["alert"] for got in receiver.got] == ["catalog-changed"]


def test_a_failure_is_a_row_too(settings, origin, tmp_path):
    origin.path.rename(tmp_path / "hidden.git")
    assert run_once(settings, SyncRequest("manual"))["status"] == "failed"


@pytest.mark.skipif(os.geteuid() != 0, reason="it takes root to give a folder away")
def test_a_sync_that_cannot_begin_says_why_and_leaves_nothing_queued(settings):
    settings.mirror_dir.mkdir(parents=True)
    os.chown(settings.mirror_dir, 12345, 12345)
    for _ in range(2):
        row = run_once(settings, SyncRequest("manual"))
        assert row["status"] == "failed"
        assert "belongs to user 12345" in row["message"]
        assert "chown" in row["message"]
    store = open_store(settings)
    assert store.queue() == []
    store.database.close()


def test_a_path_with_a_space_is_synced_like_any_other(tmp_path, environment):
    with Origin(tmp_path, name="my repo.git") as origin:
        origin.write("catalog/things/first.yaml", item("first")).commit()
        settings = load(environment | {"PAO_REPO_URL": str(origin.path)})
        assert " " in settings.repo_url
        assert run_once(settings, SyncRequest("manual"))["status"] == "completed"


def test_what_was_queued_is_served_with_it(settings, origin):
    run_once(settings, SyncRequest("manual"))
    store = open_store(settings)
    earlier = store.enqueue(SyncRequest("webhook"))
    row = run_once(settings, SyncRequest("manual"))
    assert row["triggers"] == ["webhook", "manual"]
    assert store.sync(earlier)["superseded_by"] == row["sync_id"]
    store.database.close()


def test_where_a_daemon_runs_it_does_the_work(settings, origin):
    run_once(settings, SyncRequest("manual"))
    program = (
        "import os, sys, time; from paod.config import load; from paod.daemon import open_store;"
        "from paod.daemon.board import Board; from paod.daemon.syncing import Syncing;"
        "s = load(os.environ); time.sleep(1);"
        "Syncing(s, open_store(s), Board()).serve_one(5.0)"
    )
    instance = Instance(lock_paths(settings.state_dir, settings.db_file))
    environment = {"PAO_REPO_URL": origin.url, "PAO_STATE_DIR": str(settings.state_dir)}
    daemon = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=environment)
    assert daemon_running(settings)
    row = run_once(settings, SyncRequest("manual"), lambda _: pytest.fail("it was done here"))
    assert row["status"] == "completed"
    assert daemon.wait(10) == 0
    instance.close()


def test_a_file_that_kills_the_child_is_set_aside_in_one_command(environment, origin):
    origin.write("catalog/things/killer.yaml", item("killer"))
    origin.commit("Kill")
    failpoint = "in_hand:catalog/things/killer.yaml=segv"
    out, log = paod_sync(environment, PAOD_FAILPOINT=failpoint).communicate(timeout=30)
    row = json.loads(out)
    assert (row["status"], row["items_added"], row["problems"]) == ("completed", 1, 1), log


def test_a_crash_without_a_file_is_told_and_not_repeated(environment):
    command = paod_sync(environment, PAOD_FAILPOINT="before_apply=segv")
    row = json.loads(command.communicate(timeout=30)[0])
    assert (row["status"], row["reason"]) == ("failed", "WorkerCrashed")
    assert "SIGSEGV" in row["message"]
    assert command.returncode == 1
    row = json.loads(paod_sync(environment).communicate(timeout=30)[0])
    assert row["status"] == "completed", "and the next one takes it up"


def test_a_hang_ends_at_the_deadline(environment):
    command = paod_sync(environment, PAOD_FAILPOINT="before_apply=hang", PAO_SYNC_TIMEOUT="1")
    row = json.loads(command.communicate(timeout=30)[0])
    assert row["reason"] == "DeadlineExceeded"


def test_what_its_user_interrupted_does_not_run_later(environment, settings):
    held = run_once(settings, SyncRequest("manual"))["to_commit"]
    environment |= {"PAOD_FAILPOINT": "phase:fold=hang"}
    command = paod_sync(environment, "--commit", held, "--full")
    store = open_store(settings)
    end = time.monotonic() + 20
    while (store.current() or {}).get("phase") != "fold":
        assert time.monotonic() < end
        time.sleep(0.05)
    command.send_signal(signal.SIGINT)
    command.communicate(timeout=10)
    assert (store.queue(), store.current()) == ([], None)
    assert (store.last()["reason"], store.last()["status"]) == ("Interrupted", "failed")
    store.database.close()


@pytest.mark.parametrize("action", ["hang", "kill"])
def test_ctrl_c_or_worse_leaves_nothing_behind(environment, settings, action):
    command = paod_sync(environment, PAOD_FAILPOINT="before_apply=hang")
    time.sleep(1.5)
    command.send_signal(signal.SIGINT if action == "hang" else signal.SIGKILL)
    command.communicate(timeout=10)
    row = run_once(settings, SyncRequest("manual"))
    assert row["status"] == "completed"
