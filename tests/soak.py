"""An hour on one busy core: ``python -m tests.soak [--minutes 60]``.

A real daemon, pinned to one core with two neighbours that spin, gets pushes, force pushes, reads
and previews without a pause. It fails when a worker was ended, a read failed, a delivery was lost
or the branch is not what is served in the end; it tells what was done and how memory grew.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import threading
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from tests.origin import Origin
from tests.running import TOKEN, Running, item
from tests.served import SECRET, signed

ITEMS = 200
NEIGHBOURS = 2
FORCED_EVERY = 20
READERS = 3
PREVIEW_PAUSE = 2.0
PATIENCE = 60.0
"""Seconds for one answer, on a core that is shared by everything here."""
_ENDED = re.compile(r"worker \d+ ended")
_MAY_REFUSE_PREVIEW = (200, 202, 404, 503)
"""A preview may find its branch gone again, or others before it; it never breaks."""


class Soak:
    """What is done to a daemon, and what became of it."""

    def __init__(self, daemon: Running, origin: Origin) -> None:
        self._daemon = daemon
        self._origin = origin
        self._stopping = threading.Event()
        self.done: Counter[str] = Counter()
        self.faults: list[str] = []
        self._deliveries: set[str] = set()

    def run(self, seconds: float) -> None:
        """Do everything at once for so long, then see that all of it arrived."""
        before = self._memory()
        works = [self._push, self._preview, self._live, *[self._read] * READERS]
        threads = [threading.Thread(target=self._repeat, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        self._stopping.wait(seconds)
        self._stopping.set()
        for thread in threads:
            thread.join()
        self._settle()
        after = self._memory()
        self.faults += [line for line in self._daemon.log if _ENDED.search(line)]
        for kind, size in after.items():
            click.echo(f"{kind}: {before.get(kind, 0)} MB before, {size} MB after")

    def _repeat(self, work: Callable[[int], None]) -> None:
        number = 0
        while not self._stopping.is_set() and len(self.faults) < 20:
            number += 1
            try:
                work(number)
            except (OSError, http.client.HTTPException, AssertionError, ValueError) as error:
                self.faults.append(f"{work.__name__} {number}: {error!r}")

    def _push(self, number: int) -> None:
        name = f"item-{number % ITEMS:03}"
        text = item(name).replace("An item", f"An item, {number}")
        if number % FORCED_EVERY == 0:
            self._origin.force(self._origin.git("rev-parse", "HEAD~2"))
            self.done["force pushes"] += 1
        commit = self._origin.write(f"catalog/things/{name}.yaml", text).commit()
        self._origin.close()
        delivery = str(uuid.uuid4())
        body = json.dumps(
            {
                "ref": "refs/heads/main",
                "after": commit,
                "commits": [],
                "repository": {"clone_url": self._origin.url},
            }
        ).encode()
        headers = {
            "X-Hub-Signature-256": signed(body),
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": delivery,
            "Content-Type": "application/json",
        }
        self._ask("POST", "/api/v1/webhooks/github", (200,), body, headers)
        self._deliveries.add(delivery)
        self.done["pushes"] += 1

    def _read(self, number: int) -> None:
        path = ("items?limit=50", f"items/item-{number % ITEMS:03}", "facets", "changes?since=0")
        self._ask("GET", f"/api/v1/catalog/{path[number % len(path)]}", (200,))
        self.done["reads"] += 1

    def _preview(self, number: int) -> None:
        ref = "refs/heads/proposal"
        path = f"/api/v1/admin/catalog/preview?ref={ref}&wait=5"
        self._ask("GET", path, _MAY_REFUSE_PREVIEW)
        self.done["previews"] += 1
        self._stopping.wait(PREVIEW_PAUSE)

    def _live(self, number: int) -> None:
        self._ask("GET", "/livez", (200,))
        self.done["looks at /livez"] += 1
        self._stopping.wait(0.2)

    def _ask(
        self,
        method: str,
        path: str,
        good: tuple[int, ...],
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self._daemon.port, timeout=PATIENCE)
        with contextlib.closing(connection):
            token = {"Authorization": f"Bearer {TOKEN}"}
            connection.request(method, path, body, headers or token)
            answer = connection.getresponse()
            said = answer.read()
        if answer.status not in good:
            raise ValueError(f"{method} {path}: {answer.status} {said[:300]!r}")
        return said

    def _settle(self) -> None:
        """Wait until the branch is served, then look for each delivery."""
        head = self._origin.head
        try:
            self._daemon.wait_for(
                lambda: self._daemon.status()["head"]["commit_hash"] == head, seconds=300
            )
        except AssertionError:
            self.faults.append(f"the branch is at {head}, and that is not served")
        for delivery in self._deliveries:
            path = f"/api/v1/admin/webhooks/events/{delivery}"
            try:
                self._ask("GET", path, (200,))
            except (OSError, ValueError) as error:
                self.faults.append(f"delivery {delivery} is lost: {error}")

    def _memory(self) -> dict[str, int]:
        """Return the resident memory of each kind of worker now, in MB."""
        found = {}
        for kind in ("api", "sync"):
            for pid in self._daemon.workers(kind)[-1:]:
                with contextlib.suppress(OSError):
                    pages = Path(f"/proc/{pid}/statm").read_text("ascii").split()[1]
                    found[f"{kind} worker"] = int(pages) * os.sysconf("SC_PAGE_SIZE") // 2**20
        return found


@contextlib.contextmanager
def one_busy_core() -> Iterator[None]:
    """Keep this process and its children on one core, beside neighbours that spin on it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    neighbours = [
        multiprocessing.get_context("fork").Process(target=_spin, daemon=True)
        for _ in range(NEIGHBOURS)
    ]
    for one in neighbours:
        one.start()
    try:
        yield
    finally:
        for one in neighbours:
            one.kill()
            one.join()
        os.sched_setaffinity(0, before)


def _spin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pass


@click.command()
@click.option("--minutes", default=60.0, show_default=True, help="How long it goes on.")
def main(minutes: float) -> None:
    """Let a daemon work on one busy core."""
    with tempfile.TemporaryDirectory(prefix="paod-soak-") as name, Origin(Path(name)) as origin:
        for number in range(ITEMS):
            origin.write(f"catalog/things/item-{number:03}.yaml", item(f"item-{number:03}"))
        origin.commit()
        origin.commit("A second commit, to go back from")
        origin.start("proposal").write("catalog/things/new.yaml", item("new")).commit()
        origin.switch("main")
        origin.git("symbolic-ref", "HEAD", "refs/heads/main")
        secret = {"PAO_WEBHOOK_SECRET": SECRET, "PAO_WEBHOOK_RATE": "1000/second"}
        with one_busy_core():
            daemon = Running(Path(name) / "state", origin.url, **secret)
            soak = Soak(daemon, origin)
            try:
                daemon.wait_for(lambda: daemon.ask("GET", "/readyz")[0] == 200, seconds=120)
                soak.run(60 * minutes)
            finally:
                daemon.kill()
    for fault in soak.faults:
        click.echo(f"FAULT {fault}")
    told = ", ".join(f"{count} {what}" for what, count in sorted(soak.done.items()))
    click.echo(f"{minutes:g} minutes: {told}; {len(soak.faults)} faults")
    sys.exit(int(bool(soak.faults)))


if __name__ == "__main__":
    main()
