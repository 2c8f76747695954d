"""Proposals of anybody: whatever a dry run costs or kills, the branch goes on."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.origin import Origin
from tests.running import ROOT, Running, item

ADMIN = "/api/v1/admin/catalog"
REF = "refs/pull/7/head"


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    with Origin(tmp_path) as origin:
        origin.write("catalog/things/first.yaml", item("first")).commit("Begin")
        origin.start("proposed").write("catalog/things/slow.yaml", item("slow"))
        origin.git("update-ref", REF, origin.commit("Propose"))
        origin.delete("proposed")
        yield origin.switch("main")


def preview(served: Running) -> Any:
    """Ask for a preview and wait for nothing; return its id."""
    status, body = served.ask("GET", f"{ADMIN}/preview?ref={REF}&wait=0")
    assert status == 202
    return body["sync_id"]


def ended(served: Running, sync_id: int) -> Any:
    """Wait for a sync's end."""

    def look() -> Any:
        row = served.get(f"{ADMIN}/syncs/{sync_id}")
        return row if row["sync_completed_at"] else None

    return served.wait_for(look)


def in_its_phase(served: Running, sync_id: int, status: str = "running") -> None:
    served.wait_for(lambda: served.get(f"{ADMIN}/syncs/{sync_id}")["status"] == status)


@pytest.mark.parametrize(
    ("action", "reason"),
    [("hang", "DeadlineExceeded"), ("segv", "WorkerCrashed"), ("kill", "WorkerCrashed")],
)
def test_a_push_to_the_branch_waits_for_no_proposal(
    tmp_path: Path, origin: Origin, action: str, reason: str
) -> None:
    """It fails where it dies, for good; the branch's worker, its mirror and its files stay."""
    failpoint = "preview:fold" if action == "hang" else "in_preview:catalog/things/slow.yaml"
    served = Running(
        tmp_path / "state",
        origin.url,
        PAOD_FAILPOINT=f"{failpoint}={action}",
        PAO_PREVIEW_TIMEOUT="4",
    )
    try:
        served.wait_for_names("first")
        looked = preview(served)
        in_its_phase(served, looked, "running" if action == "hang" else "failed")
        origin.write("catalog/things/second.yaml", item("second")).commit("A harmless push")
        served.sync()
        served.wait_for_names("first", "second")
        if action == "hang":
            assert served.get(f"{ADMIN}/syncs/{looked}")["status"] == "running"
        row = ended(served, looked)
        assert (row["status"], row["reason"], row["superseded_by"]) == ("failed", reason, None)
        assert served.status()["queued"] == []
        assert len(served.workers("sync")) == len(served.workers("preview")) == 1
        assert not [line for line in served.log if "set aside" in line or "mirror: made" in line][
            2:
        ]
        origin.write("catalog/things/slow.yaml", item("slow")).commit("Merged")
        served.sync()
        served.wait_for_names("first", "second", "slow")
        assert served.get("/api/v1/admin/catalog/validation-errors")["validation_errors"] == []
    finally:
        served.kill()


def test_a_dry_run_under_way_is_cancelled_and_the_next_one_runs(
    tmp_path: Path, origin: Origin
) -> None:
    served = Running(
        tmp_path / "state",
        origin.url,
        PAOD_FAILPOINT="preview:plan=hang",
        PAOD_FAILPOINT_ONCE=str(tmp_path / "once"),
    )
    try:
        served.wait_for_names("first")
        looked = preview(served)
        served.wait_for(lambda: (tmp_path / "once").exists())
        assert served.get(f"{ADMIN}/syncs/{looked}")["phase"] == "plan"
        command = subprocess.run(
            [sys.executable, "-m", "paod", "cancel", str(looked)],
            cwd=ROOT,
            env=served.environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert (command.returncode, command.stdout) == (0, f"sync {looked} is cancelled\n")
        assert ended(served, looked)["reason"] == "Cancelled"
        assert ended(served, preview(served))["status"] == "completed"
        assert len(served.workers("preview")) == 1
    finally:
        served.kill()


def test_a_dry_run_ends_with_the_daemon_and_does_not_run_again(
    tmp_path: Path, origin: Origin
) -> None:
    served = Running(tmp_path / "state", origin.url, PAOD_FAILPOINT="preview:plan=hang")
    try:
        served.wait_for_names("first")
        looked = preview(served)
        in_its_phase(served, looked)
        served.stop()
        served.start(PAOD_FAILPOINT="")
        row = ended(served, looked)
        assert (row["status"], row["reason"]) == ("failed", "Interrupted")
        assert served.status()["queued"] == []
        assert ended(served, preview(served))["status"] == "completed"
        assert not (tmp_path / "state" / "previews.git" / "refs" / "paod" / "beside").exists()
    finally:
        served.kill()
