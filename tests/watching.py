"""A real ``paod watch --json`` on a real folder: what it tells, line by line."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

PATIENCE = 30.0
ROOT = Path(__file__).parent.parent

Told = dict[str, Any]


class Watching:
    """One process. ``api`` is where it serves, None where it does not."""

    def __init__(self, folder: Path, *options: str, home: Path | None = None) -> None:
        self.folder = folder
        self._lines: queue.Queue[str] = queue.Queue()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "paod", "watch", str(folder), "--json", *options],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "TMPDIR": str(home or folder.parent)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=self._read, daemon=True).start()
        self.api: str | None = self.told()["api"]
        self.first = self.told()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line)

    def told(self) -> Told:
        """Wait for the next line, and return what it tells."""
        told: Told = json.loads(self._lines.get(timeout=PATIENCE))
        return told

    def told_of(self, *paths: str) -> Told:
        """Wait until exactly these files were told to have changed; return the last line.

        A save that is looked at while it is under way may be told of twice.
        """
        seen: set[str] = set()
        while True:
            told = self.told()
            seen |= set(told["changed"])
            if seen >= set(paths):
                assert seen == set(paths)
                return told

    def told_nothing_more(self) -> bool:
        """Whether no line has come that was not asked for."""
        return self._lines.empty()

    def get(self, path: str, host: str | None = None) -> tuple[int, Any]:
        """Ask the API, without any token."""
        return self.ask(Request(f"{self.api}/api/v1/{path}", headers=_host(host)))

    def post(self, path: str, body: Any) -> tuple[int, Any]:
        """Ask the API to do something."""
        headers = {"Content-Type": "application/json"}
        return self.ask(Request(f"{self.api}/api/v1/{path}", json.dumps(body).encode(), headers))

    def ask(self, request: Request) -> tuple[int, Any]:
        """Return an answer's status and JSON."""
        try:
            with urlopen(request, timeout=PATIENCE) as answer:
                return answer.status, json.loads(answer.read())
        except HTTPError as refusal:
            return refusal.code, json.loads(refusal.read())

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Send a signal; return the exit status and what stands on standard error."""
        self.process.send_signal(number)
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said

    def kill(self) -> None:
        """End it if it still runs."""
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)


def _host(host: str | None) -> dict[str, str]:
    return {} if host is None else {"Host": host}
