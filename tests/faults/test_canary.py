"""S1: after a run of faults no secret is in a log, row, file, answer, alert or command's output."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.origin import Origin
from tests.receiver import Receiver, Reply
from tests.remote import Fault, GitServer
from tests.running import ROOT, TOKEN, Running, item

SECRETS = {
    "PAO_REPO_TOKEN": "canary-repo-token",
    "PAO_WEBHOOK_SECRET": "canary-webhook-secret,canary-former-webhook-secret",
    "PAO_ADMIN_TOKEN": f"{TOKEN},canary-admin-token",
    "PAO_READ_TOKEN": "canary-read-token",
    "PAO_ALERT_SECRET": "canary-alert-secret",
    "PAO_COMMIT_STATUS_TOKEN": "canary-status-token",
}
LOGIN = base64.b64encode(b"x-access-token:canary-repo-token").decode()
NEEDLES = [b"canary", TOKEN.encode(), LOGIN.encode()]
ECHO = " ".join([*SECRETS.values(), LOGIN]).encode()
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
WEBHOOK = "/api/v1/webhooks/github"
REMOTE_FAULTS = [
    Fault("status", status=401),
    Fault("status", status=403, body=ECHO),
    Fault("status", status=500, body=ECHO, after_login=True),
    Fault("redirect", status=302, location="http://127.0.0.1:9/canary"),
    Fault("body", body=ECHO),
    Fault("cut", at=5),
]
CROOKED = [
    ("GET", "/api/v1/catalog/items?token=canary-admin-token", {}),
    ("GET", "/api/v1/catalog/items", {"Authorization": "Bearer canary-admin-token-2"}),
    ("GET", "/api/v1/catalog/items", {"Authorization": "Basic canary-admin-token"}),
    ("GET", "/api/v1/admin/catalog/stats", {"Authorization": "Bearer canary-read-token"}),
    ("GET", "/livez", {"X-Request-Id": "canary-admin-token", "X-Forwarded-For": "canary"}),
    ("POST", WEBHOOK, {"X-Hub-Signature-256": "sha256=canary-webhook-secret"}),
    ("POST", WEBHOOK, {"X-Hub-Signature-256": "canary-webhook-secret", "X-GitHub-Event": "canary"}),
    ("POST", "/api/v1/admin/catalog/sync", AUTHORIZED),
]


@pytest.fixture
def ear(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(str(tmp_path / "notify"))
        made.setblocking(False)
        yield made


def test_s1_no_secret_is_anywhere_after_a_run_of_faults(tmp_path: Path, ear: socket.socket) -> None:
    (tmp_path / "org").mkdir()
    with (
        Origin(tmp_path / "org", name="catalog.git") as origin,
        GitServer(tmp_path, token="canary-repo-token") as git,
        Receiver() as alerted,
        Receiver() as github,
    ):
        origin.write("catalog/a/one.yaml", item("one")).write("catalog/a/bad.yaml", "name: [")
        origin.commit("first")
        alerted.replies += [Reply(500, body=ECHO), Reply(kind="cut")]
        github.replies += [Reply(302, body=ECHO), Reply(401, body=ECHO)]
        daemon = Running(
            tmp_path / "state",
            git.url("org/catalog.git"),
            **SECRETS,
            PAO_ALERT_URL=alerted.url("/canary-alert-path"),
            PAO_ALERT_CHANGES="true",
            PAO_COMMIT_STATUS=github.url("/api/v3"),
            PAO_LOG_LEVEL="debug",
            PAO_LOG_FORMAT="json",
            NOTIFY_SOCKET=str(tmp_path / "notify"),
        )
        try:
            daemon.wait_for_names("one")
            seen = {f"answer {number}": one for number, one in enumerate(fail(daemon, git))}
            github.wait_for(1)
            seen |= everything(daemon, ear)
            assert daemon.stop()[0] == 0
        finally:
            daemon.kill()
        assert f"Basic {LOGIN}" in git.logins(), "the secret was used"
        assert any("x-hub-signature-256" in got.headers for got in alerted.wait_for(1))
        seen["told"] = b"".join(got.body for got in alerted.got + github.got)
    seen["log"] = "\n".join(daemon.log).encode()
    assert b"a wrong token" in seen["log"], "the log was written"
    for path in (tmp_path / "state").rglob("*"):
        if path.is_file():
            seen[str(path)] = path.read_bytes()
    assert {
        place: needle for place, text in seen.items() for needle in NEEDLES if needle in text
    } == {}


def fail(daemon: Running, git: GitServer) -> Iterator[bytes]:
    """Let the remote, callers and processes do their worst; yield what callers were answered."""
    for fault in REMOTE_FAULTS:
        git.fault = fault
        sync(daemon)
    git.fault = None
    for method, path, headers in CROOKED:
        yield answer(daemon, method, path, headers, '{"canary-read-token"')
    for kind, number in (("sync", signal.SIGKILL), ("api", signal.SIGSEGV)):
        os.kill(daemon.workers(kind)[-1], number)
        daemon.wait_for(lambda kind=kind: len(daemon.workers(kind)) == 2)
    sync(daemon)


def sync(daemon: Running) -> None:
    """Sync once, and wait until that has ended in some way."""
    path = f"/api/v1/admin/catalog/syncs/{daemon.sync()}"
    daemon.wait_for(lambda: daemon.get(path)["status"] not in ("queued", "running"))


def answer(
    daemon: Running, method: str, path: str, headers: dict[str, str], body: str = ""
) -> bytes:
    """Return the whole answer, headers included."""
    lines = [f"{method} {path} HTTP/1.1", "Host: x", "Connection: close"]
    lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in headers.items()]
    with socket.create_connection(("127.0.0.1", daemon.port), 10) as client:
        client.sendall("\r\n".join([*lines, "", body]).encode())
        return b"".join(iter(lambda: client.recv(65536), b""))


def everything(daemon: Running, ear: socket.socket) -> dict[str, bytes]:
    """Return all that can be asked of a daemon, and what it says of itself."""
    said = {"status lines": b""}
    for path, methods in daemon.get("/api/v1/openapi.json")["paths"].items():
        if "get" in methods:
            filled = path.replace("{name}", "one").replace("{revision}", "1")
            said[path] = answer(daemon, "GET", filled.replace("{sync_id}", "1"), AUTHORIZED)
    for command in (["status", "--json"], ["doctor"]):
        run = [sys.executable, "-m", "paod", *command]
        told = subprocess.run(
            run, cwd=ROOT, env=daemon.environment, capture_output=True, timeout=90, check=False
        )
        assert told.stdout, told.stderr
        said[command[0]] = told.stdout + told.stderr
    for pid in (daemon.process.pid, daemon.workers("api")[-1], daemon.workers("sync")[-1]):
        said[f"command line {pid}"] = Path(f"/proc/{pid}/cmdline").read_bytes()
    said["status lines"] = ear.recv(4096)
    assert b"READY=1" in said["status lines"]
    return said
