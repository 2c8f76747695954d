"""A real ``paod serve`` on a real repository: started, asked over HTTP, killed in parts, ended."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

TOKEN = "running-admin-token"
PATIENCE = 30.0
ROOT = Path(__file__).parent.parent

ITEM = """\
name: {name}
version: "1.0.0"
description: An item
owner: a-team
tags: [one]
presentation:
  fields:
    - {{name: size, type: string}}
fulfillment:
  manual:
    system: email
    template: {{to: a@example.org}}
"""


def item(name: str) -> str:
    """Return a small good document."""
    return ITEM.format(name=name)


class Running:
    """One daemon, by ``command``. ``log`` is what it has written so far, a line each."""

    def __init__(self, folder: Path, url: str, *, under: Sequence[str] = (), **extra: str) -> None:
        """``under``: a program that runs the daemon in its own place, with its arguments."""
        self._under = under
        self.folder = folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "PAO_REPO_URL": url,
            "PAO_STATE_DIR": str(folder),
            "PAO_ADMIN_TOKEN": TOKEN,
            "PAO_LISTEN": "127.0.0.1:0",
            "PAO_SYNC_INTERVAL": "0",
        } | extra
        self.log: list[str] = []
        self.start()

    def start(self, **extra: str) -> None:
        """Start the daemon, and wait until it listens or has ended."""
        self.log = []
        self.process = subprocess.Popen(
            [*self._under, sys.executable, "-m", "paod", "serve"],
            cwd=ROOT,
            env=self.environment | extra,
            stderr=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait_for(lambda: self._find("listening on") or self.process.poll() is not None)

    def _read(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line.rstrip("\n"))

    def _find(self, text: str) -> list[str]:
        return [line for line in list(self.log) if text in line]

    @property
    def port(self) -> int:
        found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", "\n".join(self.log))
        assert found is not None
        return int(found[1])

    def workers(self, kind: str) -> list[int]:
        """Return the process ids of every worker of a kind that was started, oldest first."""
        found = (re.search(rf"\b{kind} worker (\d+) started", line) for line in list(self.log))
        return [int(match[1]) for match in found if match]

    # asking

    def get(self, path: str, timeout: float = 10.0) -> Any:
        """Return the JSON that a GET answers with; fail if the status is not 200."""
        status, body = self.ask("GET", path, timeout=timeout)
        assert status == 200, body
        return body

    def ask(self, method: str, path: str, body: Any = None, timeout: float = 10.0) -> Any:
        """Return status and JSON of an answer."""
        with contextlib.closing(self._connect(timeout)) as connection:
            headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")

    def _connect(self, timeout: float) -> http.client.HTTPConnection:
        address = self.environment["PAO_LISTEN"]
        if not address.startswith("unix:"):
            return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        connection = http.client.HTTPConnection("localhost", timeout=timeout)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(timeout)
        connection.sock.connect(address.removeprefix("unix:"))
        return connection

    def sync(self, **parameters: Any) -> int:
        """Ask for a sync; return its id."""
        status, body = self.ask("POST", "/api/v1/admin/catalog/sync", parameters)
        assert status == 202, body
        return int(body["sync_id"])

    def names(self) -> list[str]:
        """Return the names of the items that are served, none while there is no catalog."""
        status, body = self.ask("GET", "/api/v1/catalog/items?limit=100")
        return [one["name"] for one in body["items"]] if status == 200 else []

    def syncs(self) -> list[Mapping[str, Any]]:
        """Return the syncs, oldest first."""
        return list(reversed(self.get("/api/v1/admin/catalog/syncs?limit=100")["syncs"]))

    def status(self) -> Mapping[str, Any]:
        """Return the state of the queue, the head and the last sync."""
        found: Mapping[str, Any] = self.get("/api/v1/admin/catalog/sync/status")
        return found

    # waiting and ending

    def wait_for(self, look: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Look until there is something, and return it."""
        end = time.monotonic() + seconds
        while not (found := look()):
            assert time.monotonic() < end, "\n".join(["waited in vain; the log:", *self.log])
            time.sleep(0.05)
        return found

    def wait_for_names(self, *names: str) -> None:
        """Wait until exactly these items are served."""
        self.wait_for(lambda: self.names() == sorted(names))

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """Send a signal; return the exit status and the seconds that the end took."""
        began = time.monotonic()
        self.process.send_signal(number)
        status = self.process.wait(10)
        seconds = time.monotonic() - began
        self._reader.join(5)
        return status, seconds

    def kill(self) -> None:
        """Kill the supervisor, whose children die with it, if it still runs."""
        self.process.kill()
        self.process.wait(10)
        self._reader.join(5)


def pasted(after: str) -> str:
    """Return the shell commands that docs/operations.md has next after a text."""
    page = (ROOT / "docs" / "operations.md").read_text("utf-8")
    return page.split(after, 1)[1].split("```sh\n", 1)[1].split("```", 1)[0]
