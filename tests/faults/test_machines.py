"""Three machines on one PostgreSQL and one repository, while those that sync are killed (P4).

Under reads, pushes by git and signed webhooks, the machine that syncs is killed ten times, its sync
worker or all of it. Nobody who reads is refused, nothing that was pushed or taken in is lost, and
the rows show that one synced at a time.
"""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from paod.database import Database, open_database
from tests.databases import postgres_url_in
from tests.origin import Origin
from tests.postgres import MEMORY
from tests.running import PATIENCE, Running, item
from tests.served import SECRET, signed

KILLS = int(os.environ.get("PAOD_KILLS", "10"))
TAKE_OVER = 5.0
"""Seconds in which somebody syncs again; it takes a tenth of one, and a second if nobody calls."""
LONGEST = 0.03
"""Seconds after a sync's beginning in which it is killed, mostly before its end."""
GONE = (OSError, http.client.HTTPException)
ITEMS = "/api/v1/catalog/items"
NAMES = [f"item-{number}" for number in range(15)]


def documents(number: int) -> dict[str, str]:
    """Return the files of a commit, which all say its number."""
    return {
        f"catalog/things/{name}.yaml": item(name).replace("1.0.0", f"1.{number}.0")
        for name in NAMES
    }


class Machine(Running):
    """A daemon that listens at the same address whenever it is started again."""

    def __init__(
        self, folder: Path, origin: Origin, database: str, name: str, **extra: str
    ) -> None:
        self.name = name
        super().__init__(
            folder / name,
            origin.url,
            PAO_DB_URL=database,
            PAO_INSTANCE=name,
            PAO_LISTEN=f"unix:{folder / name}.sock",
            PAO_WEBHOOK_SECRET=SECRET,
            **{"PAO_WEBHOOK_RATE": "1000/second", **extra},
        )

    def deliver(self, payload: Any, delivery: str) -> tuple[int, Any]:
        """Deliver a webhook as GitHub does; return status and body of the answer."""
        body = json.dumps(payload).encode()
        headers = {
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": delivery,
            "X-Hub-Signature-256": signed(body),
            "Content-Type": "application/json",
        }
        connection = self._connect(10.0)
        try:
            connection.request("POST", "/api/v1/webhooks/github", body, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()


class Client(threading.Thread):
    """Does something again and again; who finds a machine gone goes to the next one."""

    def __init__(self, machines: Sequence[Machine], pause: float) -> None:
        super().__init__(daemon=True)
        self.machines = itertools.cycle(machines)
        self.pause = pause
        self.ended = threading.Event()
        self.refused = 0
        self.faults: list[str] = []

    def run(self) -> None:
        while not self.ended.wait(self.pause):
            try:
                self.turn()
            except Exception as error:
                self.faults.append(repr(error))

    def turn(self) -> None:
        """Do it once."""
        raise NotImplementedError

    def ask(self, question: Callable[[Machine], tuple[int, Any]]) -> Any:
        """Return the body of the first answer that is no refusal."""
        for machine in itertools.islice(self.machines, 30):
            try:
                status, body = question(machine)
            except GONE:
                continue
            if status == 200:
                return body
            assert status == 503, body
            self.refused += 1
            time.sleep(0.1)
        raise AssertionError("no machine answers")

    def end(self) -> None:
        self.ended.set()
        self.join(30)


class Reader(Client):
    """Reads the catalog, in which all must be of one commit."""

    def __init__(self, machines: Sequence[Machine]) -> None:
        super().__init__(machines, 0.03)
        self.answers = 0

    def turn(self) -> None:
        items = self.ask(lambda machine: machine.ask("GET", ITEMS))["items"]
        assert sorted(one["name"] for one in items) == sorted(NAMES)
        assert len({one["version"] for one in items}) == 1
        self.answers += 1


class Author(Client):
    """Pushes a commit with git, and has it told by a webhook until that is taken in."""

    def __init__(self, machines: Sequence[Machine], origin: Origin, folder: Path) -> None:
        super().__init__(machines, 0.1)
        self.origin = origin
        self.checkout = origin.clone(folder / "checkout")
        self.commits: list[str] = []
        self.deliveries: list[str] = []

    def turn(self) -> None:
        number = len(self.commits) + 1
        for path, text in documents(number).items():
            (self.checkout / path).write_text(text)
        self.git("commit", "--quiet", "--all", "-m", f"Change {number}")
        self.git("push", "--quiet", "origin", "main")
        self.commits.append(self.git("rev-parse", "HEAD"))
        payload = {
            "ref": "refs/heads/main",
            "after": self.commits[-1],
            "repository": {"clone_url": self.origin.url},
        }
        delivery = f"delivery-{number}"
        answer = self.ask(lambda machine: machine.deliver(payload, delivery))
        assert answer["status"] in ("accepted", "duplicate"), answer
        self.deliveries.append(delivery)

    def git(self, *arguments: str) -> str:
        names = ("-c", "user.name=Ada", "-c", "user.email=ada@example.org")
        command = ["git", "-C", str(self.checkout), *names, *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
        return done.stdout.strip()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short name: it holds sockets."""
    with tempfile.TemporaryDirectory(prefix="paod-", dir=MEMORY) as name:
        yield Path(name)


@pytest.fixture
def origin(folder: Path) -> Iterator[Origin]:
    with Origin(folder) as made:
        made.write_all(documents(0)).commit()
        yield made


@pytest.fixture
def machines(folder: Path, origin: Origin) -> Iterator[list[Machine]]:
    url = postgres_url_in(folder)
    with ThreadPoolExecutor() as pool:
        names = ("vm-1", "vm-2", "vm-3")
        made = list(pool.map(lambda name: Machine(folder, origin, url, name), names))
    yield made
    for machine in made:
        machine.kill()


@pytest.mark.timeout(60 + 10 * KILLS)
def test_p4_whoever_syncs_may_be_killed_and_nobody_notices(
    machines: list[Machine], origin: Origin, folder: Path
) -> None:
    machines[0].wait_for_names(*NAMES)
    rows = open_database(postgres_url_in(folder), read_only=True)
    readers = [Reader(machines) for _ in range(2)]
    author = Author(machines, origin, folder)
    clients: list[Client] = [*readers, author]
    for client in clients:
        client.start()
    try:
        seconds = [kill_leader(machines, rows, whole=bool(number % 2)) for number in range(KILLS)]
    finally:
        for client in clients:
            client.end()
    for client in clients:
        assert client.faults == []
        assert client.refused <= KILLS
    assert min(reader.answers for reader in readers) > 3 * KILLS
    assert max(seconds) < TAKE_OVER, seconds
    for machine in machines:
        machine.wait_for(lambda machine=machine: at_rest(machine, author.commits[-1]))
        (version,) = {one["version"] for one in machine.get(ITEMS)["items"]}
        assert version == f"1.{len(author.commits)}.0"
    told = {machine.status()["leader"]["instance"] for machine in machines}
    assert told == {machines[0].wait_for(rows.sync_holder)[0]}
    nothing_is_lost(machines[0], author)
    one_at_a_time(rows)
    rows.close()


def kill_leader(machines: Sequence[Machine], rows: Database, *, whole: bool) -> float:
    """Kill who syncs, all of it or its sync worker; return the seconds until somebody does again.

    A machine that was killed is started again at once, and is there before the next one goes.
    """
    before = machines[0].wait_for(rows.sync_holder)
    leader = next(one for one in machines if one.name == before[0])
    await_a_sync(rows)
    began = time.monotonic()
    if whole:
        leader.kill()
    else:
        os.kill(leader.workers("sync")[-1], signal.SIGKILL)
    with ThreadPoolExecutor() as pool:
        restarted = pool.submit(leader.start) if whole else None
        while rows.sync_holder() in (None, before):
            assert time.monotonic() < began + PATIENCE, "nobody syncs any more"
            time.sleep(0.01)
        took = time.monotonic() - began
        if restarted is not None:
            restarted.result(PATIENCE)
    return took


def await_a_sync(rows: Database) -> None:
    """Wait until one is under way, and for a random part of it."""
    end = time.monotonic() + PATIENCE
    while not rows.query("SELECT id FROM catalog_sync_status WHERE status = 'running'"):
        assert time.monotonic() < end, "nobody syncs"
        time.sleep(0.001)
    time.sleep(random.uniform(0.0, LONGEST))


def at_rest(machine: Machine, commit: str) -> bool:
    status = machine.status()
    waiting = status["current"] or status["queued"]
    return not waiting and bool(status["head"]["commit_hash"] == commit)


def nothing_is_lost(machine: Machine, author: Author) -> None:
    """Each commit is a revision; each delivery that was taken in had its sync, or one for it."""
    found, page = [], ""
    while page is not None:
        told = machine.get(f"{ITEMS}/{NAMES[0]}/versions?limit=100{page}")
        found += [row["commit"]["hash"] for row in told["versions"]]
        cursor = told["pagination"]["next_cursor"]
        page = f"&cursor={cursor}" if cursor else None
    assert found[::-1][1:] == author.commits
    assert len(author.deliveries) == len(author.commits)
    for delivery in author.deliveries:
        sync_id = machine.get(f"/api/v1/admin/webhooks/events/{delivery}")["sync_id"]
        sync = machine.get(f"/api/v1/admin/catalog/syncs/{sync_id}")
        while sync["superseded_by"]:
            sync = machine.get(f"/api/v1/admin/catalog/syncs/{sync['superseded_by']}")
        assert sync["status"] == "completed", sync


def one_at_a_time(rows: Database) -> None:
    """No sync began before the one that began before it had ended."""
    syncs = rows.query(
        "SELECT id, status, reason, sync_started_at, sync_completed_at FROM catalog_sync_status"
        " WHERE sync_started_at IS NOT NULL ORDER BY sync_started_at, sync_completed_at"
    )
    assert {row["status"] for row in syncs} <= {"completed", "failed"}
    cut_off = [row["reason"] for row in syncs if row["status"] == "failed"]
    assert set(cut_off) <= {"Interrupted", "WorkerCrashed"}
    assert cut_off or KILLS < 10, "no kill fell into a sync"
    for one, following in itertools.pairwise(syncs):
        assert one["sync_completed_at"] <= following["sync_started_at"], (one, following)
