"""One installation to which something happens: repository, daemon, receiver of alerts, commands."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.ear import Ear
from tests.incidents.seen import Expected, View
from tests.origin import Origin
from tests.receiver import Receiver, signature
from tests.remote import GitServer
from tests.running import ROOT, TOKEN, Running, item
from tests.scraped import Scraped

PATIENCE = 60.0
ALERT_SECRET = "the-secret-that-signs-alerts"
WEBHOOK_SECRET = "the-secret-of-the-webhook"
REPOSITORY_TOKEN = "the-token-of-the-repository"
ADMIN_TOKEN = TOKEN
ITEMS = 10


@dataclass(frozen=True)
class Moment:
    """What was seen at one moment of an incident."""

    name: str
    expected: Expected
    view: View


class Site:
    """A repository of ten items behind a Git server that asks for a token, and a daemon on it."""

    def __init__(
        self, folder: Path, state: Path, origin: Origin, git: GitServer, receiver: Receiver
    ) -> None:
        self.folder, self.state = folder, state
        self.origin, self.git, self.receiver = origin, git, receiver
        self.ear = Ear(folder / "notify")
        self.moments: list[Moment] = []
        self._alerts, self._lines = 0, 0
        self.token_file = self.secret("repo-token", REPOSITORY_TOKEN)
        self.webhook_file = self.secret("webhook-secret", WEBHOOK_SECRET)
        self.admin_file = self.secret("admin-token", ADMIN_TOKEN)
        for number in range(ITEMS):
            origin.write(path_of(f"item-{number}"), item(f"item-{number}"))
        origin.commit("Begin")

    def secret(self, name: str, value: str) -> Path:
        """Write a secret's file; return it."""
        file = self.folder / name
        file.touch(mode=0o600)
        file.write_text(value + "\n")
        return file

    def serve(self, **extra: str) -> None:
        """Start the daemon, and wait until it serves the branch."""
        settings = {
            "PAO_REPO_TOKEN_FILE": str(self.token_file),
            "PAO_WEBHOOK_SECRET_FILE": str(self.webhook_file),
            "PAO_ADMIN_TOKEN": "",
            "PAO_ADMIN_TOKEN_FILE": str(self.admin_file),
            "PAO_ALERT_URL": self.receiver.url("/alerts"),
            "PAO_ALERT_SECRET": ALERT_SECRET,
            "PAO_PUBLIC_READ": "true",
            "PAO_TRUSTED_PROXY": "127.0.0.1",
            "PAO_SYNC_INTERVAL": "1",
            "NOTIFY_SOCKET": str(self.ear.path),
            "WATCHDOG_USEC": "3000000",
        }
        self.daemon = Running(self.state, self.git.url(), **(settings | extra))
        self.wait_for_items(ITEMS)

    def again(self, **changed: str) -> None:
        """Start the daemon again, with other settings if any are given."""
        self._lines = 0
        self.daemon.environment |= changed
        self.daemon.start()

    def close(self) -> None:
        """End the daemon."""
        if hasattr(self, "daemon"):
            self.daemon.kill()
        self.ear.close()

    # doing

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run a command as the operator does; return its exit status and what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "paod", *arguments],
            cwd=ROOT,
            env=self.daemon.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        return done.returncode, done.stdout or done.stderr

    def json(self, *arguments: str) -> tuple[int, dict[str, Any]]:
        """Run a command with ``--json``; what is no JSON is an ``error``."""
        ended, said = self.run(*arguments, "--json")
        with contextlib.suppress(json.JSONDecodeError):
            return ended, json.loads(said)
        return ended, {"error": said}

    def push(self, name: str, text: str | None = None) -> str:
        """Commit a document; return the commit."""
        self.origin.write(path_of(name), item(name) if text is None else text)
        return self.origin.commit(f"Change {name}")

    def wait_for_items(self, count: int) -> None:
        """Wait until so many items are served."""
        self.daemon.wait_for(lambda: len(self.daemon.names()) == count, PATIENCE)

    def wait_for_failures(self, count: int) -> None:
        """Wait until so many syncs failed in a row, and ask for one after the other meanwhile."""
        for _ in range(count):
            self.run("sync")
        name = "paod_sync_consecutive_failures"
        self.daemon.wait_for(lambda: (self.metrics().value(name) or 0) >= count)

    # seeing

    def metrics(self) -> Scraped:
        """Scrape the daemon."""
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.daemon.port}/metrics", timeout=10
        ) as answer:
            return Scraped(answer.read().decode())

    def sees(self, moment: str, expected: Expected) -> View:
        """Wait until an operator sees what he should; fail with what differs."""
        end = time.monotonic() + PATIENCE
        while missing := expected.missing(view := self._look()):
            if time.monotonic() > end:
                raise AssertionError("\n".join([f"{moment}:", *missing, "the log:", *view.log]))
            time.sleep(0.2)
        self.moments.append(Moment(moment, expected, view))
        self._alerts += len(view.alerts)
        self._lines += len(view.log)
        return view

    def _look(self) -> View:
        running = self.daemon.process.poll() is None
        metrics = self.metrics() if running else None
        alerts = [self._opened(got) for got in list(self.receiver.got)[self._alerts :]]
        log = list(self.daemon.log)[self._lines :]
        with ThreadPoolExecutor() as both:
            status, doctor = both.map(self.json, ("status", "doctor"))
        return View(status, doctor, metrics, alerts, log, self.ear.status)

    def _opened(self, got: Any) -> Mapping[str, Any]:
        """Check that an alert is signed, and tells no secret; return it."""
        assert got.headers["x-hub-signature-256"] == signature(ALERT_SECRET, got.body)
        assert not [one for one in self.secrets() if one in got.body.decode()]
        opened: Mapping[str, Any] = got.json
        return opened

    def secrets(self) -> set[str]:
        """Return every secret there is or was."""
        files = (self.token_file, self.webhook_file, self.admin_file)
        now = {word for file in files for word in file.read_text().split()}
        return now | {ALERT_SECRET, WEBHOOK_SECRET, REPOSITORY_TOKEN, ADMIN_TOKEN}


@contextlib.contextmanager
def site_in(folder: Path, state: Path | None = None) -> Iterator[Site]:
    """Build a site in a folder, and take it down."""
    with (
        Origin(folder) as origin,
        GitServer(folder, token=REPOSITORY_TOKEN) as git,
        Receiver() as receiver,
    ):
        site = Site(folder, state or folder / "state", origin, git, receiver)
        try:
            yield site
        finally:
            site.close()
        shown = "\n".join(site.daemon.log)
        assert not [one for one in site.secrets() if one in shown], "a secret in the log"


def path_of(name: str) -> str:
    """Return where an item's document lies."""
    return f"catalog/things/{name}.yaml"


def is_root() -> bool:
    """Whether file systems can be mounted."""
    return os.geteuid() == 0
