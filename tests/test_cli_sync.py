"""The commands that move the catalog and those that read it, on a real repository and database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from paod.api.freshness import without_documents
from paod.cli import main
from paod.config import load
from paod.daemon import open_store
from tests.kept import kept_logging
from tests.origin import Origin

EXAMPLE = Path(__file__).parent.parent / "config" / "example-catalog" / "catalog"
PATH = "catalog/databases/postgres-database.yaml"
REDIS = "catalog/databases/redis-cache.yaml"
POSTGRES = (EXAMPLE / "databases" / "postgres-database.yaml").read_text(encoding="utf-8")
NEWER = POSTGRES.replace("1.0.0", "1.1.0").replace("PostgreSQL database instance", "Postgres")

Shown = pytest.CaptureFixture[str]


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it printed."""

    status: int
    out: str
    err: str


class Site:
    """A repository, a settings file, and paod's commands on them, run in this process."""

    def __init__(self, folder: Path, origin: Origin, shown: Shown) -> None:
        self.origin = origin
        self.config = folder / "paod.yaml"
        self._shown = shown
        self.config.write_text(
            f"repo_url: {origin.url}\nstate_dir: state\nlisten: 127.0.0.1:0\nsync_interval: 0\n"
        )

    def run(self, *arguments: str) -> Ended:
        """Run a command."""
        status = main(["--config", str(self.config), *arguments])
        shown = self._shown.readouterr()
        return Ended(status, shown.out, shown.err)

    def read(self, *arguments: str, status: int = 0) -> str:
        """Run a command that must end so, and return what it printed."""
        ended = self.run(*arguments)
        assert ended.status == status, ended
        return ended.err if status else ended.out

    def json(self, *arguments: str) -> dict[str, Any]:
        """Run a command with --json and return what it printed."""
        return dict(json.loads(self.run(*arguments, "--json").out))


@pytest.fixture
def site(tmp_path: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    for name in [name for name in os.environ if name.startswith("PAO_")]:
        monkeypatch.delenv(name)
    with kept_logging(), Origin(tmp_path) as origin:
        origin.write(PATH, POSTGRES).commit("Begin")
        yield Site(tmp_path, origin, capsys)


def test_an_empty_catalog_says_why(site: Site) -> None:
    commit = site.origin.remove(PATH).write("services/db/x.yaml", POSTGRES).commit("Elsewhere")
    said = (
        f"no documents under catalog/ at {commit[:12]};"
        " services/ looks like a catalog: set PAO_CATALOG_ROOT"
    )
    assert said in site.read("sync")
    assert said in site.read("sync")  # and where nothing is new
    assert said in site.read("status")
    findings = json.loads(site.run("doctor", "--json").out)["checks"]
    [catalog] = [one for one in findings if one["check"] == "catalog"]
    assert (catalog["state"], catalog["message"]) == ("warning", said)
    store = open_store(load({"PAO_CONFIG": str(site.config)}))
    reasons = without_documents(store.head(), store.last_following())
    store.close()
    assert [one.code for one in reasons] == ["NoDocuments"]
    site.origin.write(PATH, POSTGRES).commit("Where it belongs")
    assert "no documents" not in site.read("sync") + site.read("status")


def test_sync_history_diff_and_status(site: Site) -> None:
    first = site.run("sync")
    assert first.status == 0, first.err
    assert first.out.startswith("sync 1 completed: changed items +1 ~0 -0 (nothing → ")
    commit = site.origin.write(PATH, NEWER).write(REDIS, "name: [").commit("Say it\x1b[2J shorter")
    row = site.json("sync")
    assert (row["status"], row["to_commit"], row["trigger"]) == ("completed", commit, "manual")

    lines = [line.split("\t") for line in site.read("history", "postgres-database").splitlines()]
    assert lines[0][:4] == ["revision", "change", "version", "commit"]
    assert [line[:4] for line in lines[1:]] == [
        ["2", "changed", "1.1.0", commit[:12]],
        ["1", "added", "1.0.0", first.out.rstrip(")\n").split()[-1]],
    ]
    assert lines[1][6] == "Say it [2J shorter"
    listed = site.json("history", "postgres-database")
    assert [one["revision"] for one in listed["versions"]] == [2, 1]
    assert listed["kind"] == "item"

    assert site.read("diff", "postgres-database", "1", "2").splitlines() == [
        '~ description: "PostgreSQL database instance" → "Postgres"',
        '~ version: "1.0.0" → "1.1.0"',
    ]
    differs = site.json("diff", "postgres-database", "2", "1")
    assert [one["path"] for one in differs["changes"]] == ["description", "version"]
    assert "say the same" in site.read("diff", "postgres-database", "1", "1")
    assert "has no revision 3" in site.read("diff", "postgres-database", "1", "3", status=1)
    assert "has never had" in site.read("history", "no-such-item", status=1)

    status = site.json("status")
    assert status["head"]["commit_hash"] == commit
    assert status["last"]["sync_id"] == row["sync_id"]
    assert status["daemon_running"] is False
    told = dict(line.split(maxsplit=1) for line in site.read("status").splitlines())
    assert told["serves"].startswith(commit[:12])
    assert told["problems"] == "1 error, 0 warnings"

    [problem] = site.json("problems")["validation_errors"]
    assert (problem["path"], problem["code"]) == (REDIS, "yaml-syntax")
    shown = site.read("problems").splitlines()
    assert shown[0].startswith(f"{REDIS}:")
    assert ": error[yaml-syntax]: " in shown[0]
    assert shown[-1] == "1 error"
    assert site.read("problems", "--severity", "warning") == "no problems\n"
    assert site.read("problems", "--path", "catalog/storage") == "no problems\n"


def test_a_plan_changes_nothing(site: Site) -> None:
    told = site.run("plan")
    assert told.status == 0
    assert told.out.splitlines()[0] == "+ item postgres-database 1.0.0 added"
    assert "would change items +1" in site.read("sync", "--dry-run")
    assert site.json("status")["head"]["commit_hash"] is None
    assert site.json("sync", "--dry-run")["dry_run"] is True
    first = site.origin.head
    site.origin.write(PATH, NEWER).commit()
    assert site.json("plan", first[:10])["to_commit"] == first


def test_rollback_holds_and_resume_lets_go(site: Site) -> None:
    first = site.origin.head
    second = site.origin.write(PATH, NEWER).commit()
    site.run("sync")
    held = site.json("rollback", first[:12], "--reason", "a bad day")
    assert (held["status"], held["to_commit"], held["trigger"]) == ("completed", first, "rollback")
    assert held["pin_reason"] == "a bad day"
    status = site.json("status")
    assert status["pin"]["commit_hash"] == first
    assert f"at {first[:12]} since " in site.read("status")
    assert "a bad day" in site.read("status")
    assert site.json("sync")["reason"] == "Pinned"
    assert site.json("resume")["to_commit"] == second
    assert site.json("status")["pin"] is None


def test_one_item_is_pinned_and_released(site: Site) -> None:
    site.run("sync")
    commit = site.origin.write(PATH, NEWER).commit()
    site.run("sync")
    pinned = site.read("pin", "postgres-database", "1", "--reason", "it bites")
    assert pinned == (
        "postgres-database is served at revision 1 until `paod unpin postgres-database`\n"
    )
    assert site.json("sync", "--full")["to_commit"] == commit
    told = dict(line.split(maxsplit=1) for line in site.read("status").splitlines())
    assert told["pinned"].startswith("postgres-database at revision 1 (1.0.0) since ")
    assert told["pinned"].endswith(": it bites; the branch has revision 2 (1.1.0)")
    assert "has no revision 7" in site.read(
        "pin", "postgres-database", "7", "--reason", "x", status=1
    )
    assert site.json("unpin", "postgres-database")["pin"] is None
    assert "is not pinned" in site.read("unpin", "postgres-database", status=1)
    assert site.json("status")["item_pins"] == []


def test_a_mass_removal_waits_for_leave(site: Site) -> None:
    files = {
        f"catalog/databases/db-{n}.yaml": POSTGRES.replace("postgres-", f"db-{n}-")
        for n in range(6)
    }
    site.origin.write_all(files).commit()
    site.run("sync")
    site.origin.remove("catalog/databases").commit()
    refused = site.run("sync")
    assert refused.status == 1
    assert refused.out == ""
    assert "blocked (MassRemoval)" in refused.err
    assert "--allow-mass-removal" in refused.err
    told = site.run("status")
    assert told.status == 1
    assert "stale       the last sync was blocked (MassRemoval)" in told.out.splitlines()
    assert site.json("status")["stale"] is True
    assert site.run("sync", "--commit", "abcdef1234").status == 1  # another sync ends in between
    allowed = site.json("sync", "--allow-mass-removal")
    assert (allowed["status"], allowed["items_removed"]) == ("completed", 7)
    nothing = site.run("sync", "--allow-mass-removal")
    assert nothing.status == 1
    assert "none is blocked" in nothing.err


def test_a_dry_run_adopts_nothing(site: Site) -> None:
    site.run("sync")
    refused = site.run("sync", "--adopt", "--dry-run")
    assert (refused.status, refused.out) == (2, "")
    assert "--adopt" in refused.err


def test_back_and_forth_over_a_mass_removal_needs_leave_each_time(site: Site) -> None:
    first = site.origin.head
    files = {
        f"catalog/databases/db-{n}.yaml": POSTGRES.replace("postgres-", f"db-{n}-")
        for n in range(6)
    }
    site.origin.write_all(files).commit()
    site.run("sync")
    back = ("rollback", first, "--reason", "a bad day")
    assert "blocked (MassRemoval)" in site.read(*back, status=1)
    assert site.json(*back, "--allow-mass-removal")["to_commit"] == first
    site.run("rollback", site.origin.head, "--reason", "a better day")
    last = site.origin.remove("catalog/databases").commit()
    assert "blocked (MassRemoval)" in site.read("resume", status=1)
    resumed = site.json("resume", "--allow-mass-removal")
    assert (resumed["status"], resumed["to_commit"]) == ("completed", last)
    assert site.json("status")["pin"] is None


def test_a_failed_sync_is_1_with_the_reason(site: Site) -> None:
    ended = site.run("sync", "--commit", "abcdef1234")
    assert ended.status == 1
    assert "failed (CommitNotFound)" in ended.err
    row = site.run("sync", "--commit", "abcdef1234", "--json")
    assert row.status == 1
    assert json.loads(row.out)["reason"] == "CommitNotFound"


def test_before_the_first_sync_reading_says_so(site: Site) -> None:
    for command in ("status", "problems", "history x", "diff x 1 2"):
        assert "nothing has been synced yet" in site.read(*command.split(), status=1)


def test_a_removed_and_a_renamed_item_keep_their_history(site: Site) -> None:
    site.origin.remove(PATH)
    renamed = (
        POSTGRES.replace("name: postgres-database", "name: postgres-db")
        + "renamed_from: postgres-database\n"
    )
    site.origin.write("catalog/databases/postgres-db.yaml", renamed).commit()
    site.run("sync")
    assert '"name": "postgres-db"' in site.read("history", "postgres-database", "--json")
    site.origin.remove("catalog/databases/postgres-db.yaml").commit()
    site.run("sync", "--commit", site.origin.head, "--allow-mass-removal")
    changes = [line.split("\t")[1] for line in site.read("history", "postgres-db").splitlines()[1:]]
    assert changes == ["removed", "renamed", "added"]


def test_with_a_daemon_the_daemon_does_it(site: Site) -> None:
    daemon = subprocess.Popen(
        [sys.executable, "-m", "paod", "serve", "--config", str(site.config)],
        env={"PATH": os.environ["PATH"]},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        await_(lambda: served(site) == site.origin.head)
        commit = site.origin.write(PATH, NEWER).commit()
        assert site.json("sync")["to_commit"] == commit
        assert site.json("status")["daemon_running"] is True
        assert "another paod serve runs" in site.read("serve", status=75)
    finally:
        daemon.send_signal(signal.SIGTERM)
        _, log = daemon.communicate(timeout=20)
    assert daemon.returncode == 0, log
    token = (site.config.parent / "state" / "admin-token").read_text().strip()
    assert "admin-token" in log
    assert token not in log


def served(site: Site) -> str | None:
    """Return the commit that is served, None while there is no database yet."""
    shown = site.run("status", "--json")
    return None if shown.status else json.loads(shown.out)["head"]["commit_hash"]


def await_(met: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not met():
        assert time.monotonic() < end
        time.sleep(0.1)
