"""A real ``paod serve`` on loopback for the length of a block, and a client that keeps alive."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SECRET = "benchmark-webhook-secret-0123456789"
TOKEN = "benchmark-admin-token-0123456789abcdef"


@dataclass(frozen=True)
class Served:
    """Where it listens, and which repository it follows."""

    port: int
    repository: Path

    def get(self, path: str) -> tuple[int, Any]:
        """Ask once, over a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("GET", path, headers={"Authorization": f"Bearer {TOKEN}"})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return answer.status, json.loads(body) if body else None

    def push(self, before: str, after: str, changed: str, delivery: str) -> None:
        """Send the webhook that GitHub would send for one changed file."""
        url = f"file://{self.repository}"
        commit = {"id": after, "message": "change", "added": [], "removed": []}
        payload = {
            "ref": "refs/heads/main",
            "before": before,
            "after": after,
            "commits": [{**commit, "modified": [changed]}],
            "repository": {"clone_url": url},
        }
        body = json.dumps(payload).encode()
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": delivery,
            "X-Hub-Signature-256": f"sha256={signature}",
        }
        connection.request("POST", "/api/v1/webhooks/github", body, headers)
        answer = connection.getresponse()
        told = json.loads(answer.read())
        connection.close()
        if answer.status != 200 or not told["sync_triggered"]:
            raise SystemExit(f"the webhook was answered {answer.status}: {told}")


def free_port() -> int:
    """Return a port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def serve(folder: Path, repository: Path) -> Iterator[Served]:
    """Run ``paod serve`` and wait until its first sync has ended."""
    served = Served(free_port(), repository)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PAO_REPO_URL": f"file://{repository}",
        "PAO_STATE_DIR": str(folder / "state"),
        "PAO_LISTEN": f"127.0.0.1:{served.port}",
        "PAO_WEBHOOK_SECRET": SECRET,
        "PAO_WEBHOOK_RATE": "1000/second",
        "PAO_ADMIN_TOKEN": TOKEN,
        "PAO_SYNC_INTERVAL": "0",
        "PAO_LOG_LEVEL": "warning",
    }
    command = [sys.executable, "-m", "paod", "serve"]
    process = subprocess.Popen(command, env=environment, cwd=folder)
    try:
        wait_until_ready(served, process)
        yield served
    finally:
        process.terminate()
        process.wait(timeout=10)


def wait_until_ready(served: Served, process: subprocess.Popen[bytes]) -> None:
    """Wait until a catalog is loaded, two minutes at most."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit(f"paod serve ended with status {process.returncode}")
        try:
            if served.get("/readyz")[0] == 200:
                return
        except OSError:
            pass
        time.sleep(0.02)
    raise SystemExit("paod serve was not ready within two minutes")
