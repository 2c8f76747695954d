"""The doctor's round over real repositories, files and databases, sound and broken."""

from __future__ import annotations

import http.server
import json
import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from paod.cli import main
from paod.database import SQLiteDatabase
from paod.doctor.machine import clock, is_safe, kind_of
from paod.doctor.round import AFTER_SETTINGS
from paod.model import SyncRequest
from paod.store import Delivery, Store
from paod.webhook import HOSTS, Followed, Malformed, decide
from tests.kept import kept_logging
from tests.origin import Origin
from tests.programs import program
from tests.running import item

CANARY = "ghp_canary0000000000000000000000000000"
LONG = "a-long-enough-secret-of-ours"


class Patient:
    """An installation to be looked at."""

    origin: Origin

    def __init__(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch, shown: pytest.CaptureFixture[str]
    ) -> None:
        self.state = folder / "state"
        self.secret = folder / "webhook-secret"
        self.secret.write_text(LONG)
        self.secret.chmod(0o600)
        self._monkeypatch = monkeypatch
        self._shown = shown

    @property
    def database(self) -> Path:
        return self.state / "paod.db"

    def set(self, **settings: str) -> None:
        for name, value in settings.items():
            self._monkeypatch.setenv(name, value)

    def run(self, *options: str) -> tuple[int, str]:
        """Run the command; return its status and what it said."""
        status = main(["doctor", *options])
        shown = self._shown.readouterr()
        assert CANARY not in shown.out + shown.err
        return status, shown.out

    def findings(self, status: int = 0) -> dict[str, dict[str, str]]:
        """Return what the doctor found, by what was looked at; the worst where it is several."""
        ended, out = self.run("--json")
        body: dict[str, Any] = json.loads(out)
        assert (ended, body["good"]) == (status, status == 0), out
        order = ("good", "skipped", "warning", "bad")
        found = sorted(body["checks"], key=lambda one: order.index(one["state"]))
        assert {one["check"] for one in found} == {"settings", *AFTER_SETTINGS}
        assert all(one["hint"] for one in found if one["state"] in ("warning", "bad"))
        return {one["check"]: one for one in found}


@pytest.fixture(name="patient")
def _patient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Patient]:
    for name in [name for name in os.environ if name.startswith("PAO_")]:
        monkeypatch.delenv(name)
    with kept_logging(), Origin(tmp_path) as origin:
        origin.write("catalog/things/first.yaml", item("first")).commit("Begin")
        patient = Patient(tmp_path, monkeypatch, capsys)
        patient.origin = origin
        patient.set(
            PAO_REPO_URL=origin.url,
            PAO_STATE_DIR=str(patient.state),
            PAO_WEBHOOK_SECRET_FILE=str(patient.secret),
            PAO_TRUSTED_PROXY="127.0.0.1",
            PAO_LISTEN="127.0.0.1:0",
        )
        yield patient


@pytest.fixture(name="made")
def _made(patient: Patient) -> Patient:
    """Return an installation that has its database."""
    patient.state.mkdir(mode=0o700)
    store = Store(SQLiteDatabase(patient.database))
    store.migrate()
    store.close()
    return patient


def received(patient: Patient, moment: datetime) -> None:
    """Let a delivery have come at a moment."""
    store = Store(SQLiteDatabase(patient.database), lambda: moment)
    store.receive(Delivery(str(moment), "ping", "pong"), None)
    store.close()


def test_when_all_is_well_it_says_so(patient: Patient) -> None:
    assert main(["sync"]) == 0
    received(patient, datetime.now(UTC))
    patient.run()
    found = patient.findings()
    ill = {name for name, one in found.items() if one["state"] != "good"}
    own = {"clock", "sqlite", "file system"}  # those are the machine's
    assert ill - own == {"daemon", "way in", "statuses"}
    assert "writable, generation 1" in found["database"]["message"]
    assert found["webhook"]["message"].endswith("and was pong")
    status, out = patient.run()
    assert status == 0
    lines = out.splitlines()
    assert lines[0].startswith("good     settings     ")
    assert any(line.startswith("warning  daemon       it does not run here") for line in lines)
    assert any(line.strip().startswith("→ ") for line in lines)


def test_before_the_first_start_nothing_is_bad(patient: Patient) -> None:
    found = patient.findings()
    assert found["database"]["state"] == "warning"
    assert found["webhook"]["state"] == "skipped"
    assert not patient.state.exists()


def test_a_verifier_that_cannot_verify_is_told(patient: Patient, tmp_path: Path) -> None:
    program = tmp_path / "bin" / "ssh-keygen"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'No user exists for uid 4711' >&2\nexit 255\n")
    program.chmod(0o755)
    signers = tmp_path / "signers"
    key = "AAAAC3NzaC1lZDI1NTE5AAAAIC6gsVbiOYB0OMmbF/vXe4j6kWwaM9QpqXM9Gj8YlTz4"
    signers.write_text(f"ada@example.com ssh-ed25519 {key}\n")
    patient.set(PAO_ALLOWED_SIGNERS=str(signers))
    assert patient.findings()["signatures"]["state"] == "good"
    patient.set(PATH=f"{program.parent}:{os.environ['PATH']}")
    found = patient.findings(1)["signatures"]
    assert found["state"] == "bad"
    assert "No user exists for uid 4711" in found["message"]


def test_bad_settings_leave_the_rest_unseen(patient: Patient) -> None:
    patient.set(PAO_SYNC_INTERVAL="often", PAO_REPO_TOKEN=CANARY)
    found = patient.findings(1)
    assert found["settings"]["state"] == "bad"
    assert "PAO_SYNC_INTERVAL" in found["settings"]["message"]
    assert {found[name]["state"] for name in AFTER_SETTINGS} == {"skipped"}


def newer(patient: Patient) -> None:
    database = SQLiteDatabase(patient.database)
    with database.atomic():
        database.stamp(999)
    database.close()


def test_other_branches_are_named(patient: Patient) -> None:
    patient.set(PAO_REPO_BRANCH="trunk")
    found = patient.findings(1)
    assert (found["repository"]["state"], found["branch"]["state"]) == ("good", "bad")
    assert "'main'" in found["branch"]["hint"]


@pytest.mark.parametrize(
    ("settings", "check", "state", "said"),
    [
        ({"PAO_READ_TOKEN": "short"}, "settings", "bad", "PAO_READ_TOKEN"),
        (
            {"PAO_READ_TOKEN": LONG, "PAO_ADMIN_TOKEN": f"x{LONG},{LONG}"},
            "secrets",
            "bad",
            "who reads may do everything",
        ),
        ({"PAO_REPO_TOKEN": CANARY}, "secrets", "warning", "classic"),
        ({"PAO_TRUSTED_PROXY": "10.0.0.1"}, "proxy", "bad", "cannot be who connects"),
        ({"PAO_TRUSTED_PROXY": ""}, "proxy", "warning", "none is believed"),
        (
            {"PAO_TRUSTED_PROXY": "", "PAO_LISTEN": "0.0.0.0:8080"},
            "proxy",
            "warning",
            "open to the network",
        ),
        ({"PAO_WEBHOOK_SECRET_FILE": ""}, "webhook", "warning", "off"),
        ({"PAO_REPO_URL": "/nowhere"}, "repository", "bad", "/nowhere"),
    ],
)
def test_settings_that_ask_for_trouble_are_told(
    patient: Patient, settings: dict[str, str], check: str, state: str, said: str
) -> None:
    patient.set(**settings)
    found = patient.findings(1 if state == "bad" else 0)[check]
    assert found["state"] == state
    assert said in found["message"]


def test_machines_that_share_a_database_share_a_token(patient: Patient) -> None:
    patient.set(PAO_DB_URL="postgresql://paod@/paod?host=/nowhere", PAO_ADMIN_TOKEN="")
    found = patient.findings(1)["secrets"]
    assert "each machine on this database has one of its own" in found["message"]


@pytest.mark.parametrize(
    ("harm", "check", "state", "said"),
    [
        (lambda one: one.secret.chmod(0o640), "files", "warning", "mode 0640"),
        (lambda one: one.database.chmod(0o666), "files", "bad", "changed by every user"),
        (lambda one: one.state.chmod(0o777), "files", "bad", "written by every user"),
        (newer, "database", "bad", "schema 999 is newer"),
        (lambda one: one.database.write_bytes(b""), "database", "bad", "is empty"),
        (lambda one: one.database.write_bytes(b"x" * 900), "database", "bad", "no SQLite database"),
    ],
)
def test_what_is_broken_is_told(
    made: Patient, harm: Callable[[Patient], None], check: str, state: str, said: str
) -> None:
    harm(made)
    found = made.findings(1 if state == "bad" else 0)
    assert found[check]["state"] == state
    assert said in found[check]["message"]
    if check == "database":
        assert found["webhook"]["state"] == "skipped"


def test_a_webhook_that_has_not_come_for_long_is_told(made: Patient) -> None:
    assert "none has come yet" in made.findings()["webhook"]["message"]
    received(made, datetime.now(UTC) - timedelta(days=9))
    assert made.findings()["webhook"]["state"] == "warning"


def pushed(patient: Patient, url: str, delivery: str) -> None:
    """Let a push to a repository have come, as a Git host tells of it."""
    payload = {"ref": "refs/heads/main", "repository": {"clone_url": url}}
    decision = decide(HOSTS["gitea"], "push", payload, Followed("https://x/a/b", "main", "catalog"))
    assert not isinstance(decision, Malformed)
    store = Store(SQLiteDatabase(patient.database))
    about = dict(decision.about)
    store.receive(Delivery(delivery, "push", decision.status, decision.reason, payload=about), None)
    store.close()


def test_deliveries_that_come_and_are_all_ignored_are_no_webhook_that_works(made: Patient) -> None:
    received(made, datetime.now(UTC))
    pushed(made, "https://git.example.com/new/name.git", "1")
    pushed(made, "https://git.example.com/new/name.git", "2")
    found = made.findings(1)["webhook"]
    assert "https://git.example.com/new/name.git" in found["message"]
    assert "PAO_REPO_URL is file://" in found["message"]
    pushed(made, "https://x/a/b", "3")
    assert made.findings()["webhook"]["state"] == "good"


def test_a_branch_that_is_elsewhere_than_the_catalog_is_told(patient: Patient) -> None:
    """A lost delivery while polling is off: both were good in one run."""
    assert main(["sync"]) == 0
    tip = patient.origin.write("catalog/things/second.yaml", item("second")).commit("Go on")
    patient.run()
    found = patient.findings()["catalog"]
    assert found["state"] == "warning"
    assert f"the branch at {tip[:12]}" in found["message"]


@pytest.mark.parametrize(("kind", "state"), [("rsa", "warning"), ("ed25519", "good")])
@pytest.mark.parametrize("form", ["RFC4716", "PEM"])
def test_an_rsa_key_that_can_crash_the_fetch_is_told(
    made: Patient, tmp_path: Path, kind: str, form: str, state: str
) -> None:
    key = tmp_path / "key"
    made_by = [program("ssh-keygen"), "-q", "-t", kind, "-m", form, "-N", "", "-f", str(key)]
    subprocess.run(made_by, check=True, capture_output=True)
    made.set(PAO_REPO_SSH_KEY=str(key))
    found = made.findings()["secrets"]
    assert found["state"] == state
    assert ("ed25519" in found.get("hint", "")) == (state == "warning")


def test_a_crash_of_what_asks_the_repository_is_told_for_what_it_is(
    made: Patient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> int:
        os.kill(os.getpid(), signal.SIGKILL)  # without the dump of a SIGSEGV
        return 0

    monkeypatch.setattr("paod.doctor.repository._ask", crash)
    found = made.findings(1)["repository"]
    assert "(WorkerCrashed)" in found["message"]
    assert "Ed25519" in found["hint"]


def test_a_repository_that_answers_by_a_redirect_is_told(made: Patient) -> None:
    store = Store(SQLiteDatabase(made.database))
    assert store.note_moved("https://git.example.com/new/name.git")
    assert not store.note_moved("https://git.example.com/new/name.git")
    store.close()
    found = made.findings()["repository"]
    assert found["state"] == "warning"
    assert found["hint"] == "set PAO_REPO_URL to https://git.example.com/new/name.git"


class Refusing(http.server.BaseHTTPRequestHandler):
    """A Git host that lets nobody in."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="git"')
        self.end_headers()

    def log_message(self, *_: object) -> None:
        return


def test_a_repository_that_refuses_is_told_without_the_token(patient: Patient) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Refusing) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        patient.set(
            PAO_REPO_URL=f"http://127.0.0.1:{server.server_port}/x.git", PAO_REPO_TOKEN=CANARY
        )
        found = patient.findings(1)
        server.shutdown()
    assert "(AuthenticationFailed)" in found["repository"]["message"]
    assert "PAO_REPO_TOKEN" in found["repository"]["hint"]
    assert found["branch"]["state"] == "skipped"


def test_what_keeps_the_catalog_behind_its_branch_is_told(patient: Patient) -> None:
    assert main(["sync"]) == 0
    patient.run()
    assert patient.findings()["catalog"]["state"] == "good"
    store = Store(SQLiteDatabase(patient.database))
    store.enqueue(SyncRequest("schedule"))
    store.claim()
    store.recover("WorkerCrashed", "the sync worker ended (SIGKILL)")
    store.close()
    found = patient.findings()["catalog"]
    assert (found["state"], found["hint"]) == ("warning", "the sync worker ended (SIGKILL)")
    assert "the last sync failed (WorkerCrashed)" in found["message"]


@pytest.mark.parametrize(
    ("file", "check", "said"),
    [
        ("paod.db", "database", "run this as the user"),
        ("serve.lock", "daemon", "run it as the user"),
    ],
)
def test_what_cannot_be_opened_is_a_finding_and_no_traceback(
    made: Patient, file: str, check: str, said: str
) -> None:
    """As a file of another user cannot; a folder stands for it, for root may read all files."""
    (made.state / file).unlink(missing_ok=True)
    (made.state / file).mkdir()
    found = made.findings(1)[check]
    assert found["state"] == "bad"
    assert said in found["hint"]


def test_a_repository_that_never_answers_does_not_hold_it_up(patient: Patient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        patient.set(PAO_REPO_URL=f"http://127.0.0.1:{port}/x.git", PAO_REPO_TIMEOUT="1")
        assert patient.findings(1)["repository"]["state"] == "bad"


def test_the_clock_is_held_against_the_database() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert clock("2026-01-02T00:00:00.000Z", None, now).state == "bad"
    assert clock("2026-01-01T00:00:30.000Z", None, now).state != "bad"


@pytest.mark.parametrize(("hours", "bad"), [(1, True), (-1, True), (0, False)])
def test_the_clock_is_held_against_the_servers(hours: int, bad: bool) -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    found = clock("2026-01-02T00:00:00.000Z", now + timedelta(hours=hours), now)
    assert (found.state == "bad", "server's" in found.message) == (bad, bad)


@pytest.mark.parametrize(
    ("version", "safe"),
    [
        *(((3, 40, 1), False), ((3, 44, 5), False), ((3, 44, 6), True), ((3, 50, 6), False)),
        *(((3, 50, 7), True), ((3, 51, 2), False), ((3, 51, 3), True), ((4, 0, 0), True)),
    ],
)
def test_d9_which_sqlite_is_safe(version: tuple[int, int, int], safe: bool) -> None:
    assert is_safe(version) is safe


MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:35 / /srv rw,relatime shared:9 - nfs4 files.example.com:/srv rw
41 40 8:2 / /srv/local\\040disk rw - xfs /dev/sdb1 rw
"""


@pytest.mark.parametrize(
    ("folder", "kind"),
    [("/var/lib/paod", "ext4"), ("/srv/paod", "nfs4"), ("/srv/local disk/x", "xfs")],
)
def test_d9_a_network_file_system_is_known(folder: str, kind: str) -> None:
    assert kind_of(Path(folder), MOUNTS) == kind
