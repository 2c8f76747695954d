"""Three machines on one PostgreSQL while faults come and go: ``python -m tests.outages``.

Each machine reaches the server by a wire of its own. Readers read, an author pushes with git and
has each push delivered, a portal follows the feed. One fault after the other is drawn: the server
is stopped or out of connections, a wire is silent, slow, cut or holds a COMMIT, a daemon is stopped
or killed. After each one every machine serves within five seconds, no delivery ever takes more than
five, and at the end every push is visible and the portal's copy is what is served.
"""

from __future__ import annotations

import itertools
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import psycopg

from tests.faults.test_machines import GONE, ITEMS, NAMES, Author, Client, Machine, documents
from tests.origin import Origin
from tests.postgres import MEMORY, Server
from tests.running import item
from tests.wire import Wire, at_commit

SERVES_AGAIN = 5.0
"""Seconds after a fault within which every machine serves."""
DELIVERED = 5.0
"""Seconds that a delivery may take, whatever happens, to a machine that runs."""
QUIET = 3.0
"""Seconds between two faults."""
CHANGES = "/api/v1/catalog/changes"


class Site:
    """A server, three machines with a wire each, and who uses them."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        (folder / "server").mkdir()
        self.server = Server(folder / "server", {"synchronous_commit": "on"})
        stack.callback(self.server.stop, signal.SIGQUIT)
        self.server.execute("CREATE ROLE paod LOGIN")
        self.server.execute("CREATE SCHEMA paod AUTHORIZATION paod")
        self.origin = stack.enter_context(Origin(folder))
        self.origin.write_all(documents(0)).commit()
        self.wires, self.machines = [], []
        for name in ("vm-1", "vm-2", "vm-3"):
            (folder / f"wire-{name}").mkdir()
            wire = Wire(folder / f"wire-{name}", self.server.folder)
            stack.callback(wire.close)
            url = f"postgresql://paod@/postgres?host={quote(str(wire.folder), safe='')}"
            machine = Machine(folder, self.origin, url, name)
            stack.callback(machine.kill)
            self.wires.append(wire)
            self.machines.append(machine)
        self.away: set[str] = set()
        """Machines that are stopped or killed: nothing is asked of them."""
        self.quiet = False
        """Whether nobody reads or pushes."""
        self.author = Pusher(self, folder)
        self.readers = [Looker(self) for _ in range(4)]
        self.portal = Portal(self)
        for client in (self.author, self.portal, *self.readers):
            client.start()
            stack.callback(client.end)

    def running(self) -> list[Machine]:
        """Return the machines that are asked now."""
        return [one for one in self.machines if one.name not in self.away]


class Looker(Client):
    """Reads from one machine after the other, whatever it answers; counts what was refused."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.machines, 0.05)
        self.site = site
        self.answers = self.refused = 0

    def turn(self) -> None:
        for machine in [] if self.site.quiet else self.site.running():
            with suppress(*GONE):
                status, _ = machine.ask("GET", ITEMS)
                self.answers += status == 200
                self.refused += status == 503


class Pusher(Author):
    """Pushes one change after the other, and delivers each until some machine takes it."""

    def __init__(self, site: Site, folder: Path) -> None:
        super().__init__(site.machines, site.origin, folder)
        self.site = site
        self.versions = dict.fromkeys(NAMES, 0)
        self.seconds: list[tuple[float, str, int]] = []

    def turn(self) -> None:
        if self.site.quiet:
            return
        number = len(self.commits) + 1
        name = NAMES[number % len(NAMES)]
        self.versions[name] = number
        text = item(name).replace("1.0.0", f"1.{number}.0")
        (self.checkout / f"catalog/things/{name}.yaml").write_text(text)
        self.git("commit", "--quiet", "--all", "-m", f"Change {number}")
        self.git("push", "--quiet", "origin", "main")
        self.commits.append(self.git("rev-parse", "HEAD"))
        payload = {
            "ref": "refs/heads/main",
            "after": self.commits[-1],
            "repository": {"clone_url": self.origin.url},
        }
        for attempt in itertools.count():
            if self.ended.is_set() or self._delivered(payload, f"d-{number}", attempt):
                return
            time.sleep(0.2)

    def _delivered(self, payload: Any, delivery: str, attempt: int) -> bool:
        machines = self.site.running()
        if not machines:
            return False
        machine = machines[(len(self.commits) + attempt) % len(machines)]
        began, status = time.monotonic(), 0
        with suppress(*GONE):
            status, _ = machine.deliver(payload, delivery)
        if machine.name not in self.site.away:
            self.seconds.append((time.monotonic() - began, machine.name, status))
        return status == 200


class Portal(Client):
    """Keeps a copy of the catalog by the feed, from whichever machine answers."""

    def __init__(self, site: Site) -> None:
        super().__init__(site.machines, 0.1)
        self.site = site
        self.copy: dict[str, str] = {}
        self.known: tuple[int, str] | None = None
        self.began_anew = 0

    def turn(self) -> None:
        with suppress(*GONE, Refused):
            if self.site.quiet:
                return
            self.follow(random.choice(self.site.running() or self.site.machines))

    def follow(self, machine: Machine) -> None:
        """Take one page of news, or all."""
        if self.known is None:
            page = answer(machine, f"{CHANGES}?since=0&limit=1")
            rows = answer(machine, f"{ITEMS}?limit=100")["items"]
            self.copy = {row["name"]: row["version"] for row in rows}
            self.known = 0, page["epoch"]
            self.began_anew += 1
        since, epoch = self.known
        status, page = machine.ask("GET", f"{CHANGES}?since={since}&epoch={epoch}&limit=100")
        if status == 410:
            self.known = None
            return
        if status != 200:
            raise Refused
        for name in {row["name"] for row in page["changes"]}:
            self.copy[name] = answer(machine, f"{ITEMS}/{name}")["version"]
        last = page["changes"][-1]["generation"] - 1 if page["pagination"]["has_more"] else 0
        self.known = (last or page["generation"]), page["epoch"]


class Refused(Exception):
    """A machine cannot answer now."""


def answer(machine: Machine, path: str) -> Any:
    status, body = machine.ask("GET", path)
    if status != 200:
        raise Refused
    return body


# The faults


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong for some seconds."""

    name: str
    seconds: float
    begins: Callable[[Site, int], Any]
    """With the number of the machine that is met, if one is; the value ends it."""


@contextmanager
def server_stopped(site: Site, _: int) -> Iterator[None]:
    site.server.stop(random.choice((signal.SIGINT, signal.SIGQUIT)))
    try:
        yield
    finally:
        site.server.start()


@contextmanager
def stopped_and_nobody_reads(site: Site, number: int) -> Iterator[None]:
    """But the load balancer, which asks whether a machine is ready."""
    asked = threading.Event()

    def ask() -> None:
        while not asked.wait(1.0):
            for machine in site.machines:
                with suppress(*GONE):
                    machine.ask("GET", "/readyz")

    site.quiet = True
    threading.Thread(target=ask, daemon=True).start()
    try:
        with server_stopped(site, number):
            yield
    finally:
        asked.set()
        site.quiet = False


@contextmanager
def no_connections(site: Site, _: int) -> Iterator[None]:
    site.server.execute("ALTER ROLE paod CONNECTION LIMIT 0")
    end_sessions(site)
    try:
        yield
    finally:
        site.server.execute("ALTER ROLE paod CONNECTION LIMIT -1")


def end_sessions(site: Site) -> None:
    site.server.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'paod'"
    )


@contextmanager
def sessions_ended(site: Site, _: int) -> Iterator[None]:
    end_sessions(site)
    yield


@contextmanager
def silent(site: Site, number: int, *, ways: tuple[str, ...] = ("to_server", "to_client")) -> Any:
    before = leader(site)
    drawn = random.random()
    if drawn > 0.6 and before is not None:
        number = site.machines.index(before)
    met = site.wires if drawn < 0.3 else [site.wires[number]]
    for wire, way in itertools.product(met, ways):
        getattr(wire, way).silent = True
    syncs = before is not None and site.wires[site.machines.index(before)] in met
    try:
        yield "all machines" if len(met) > 1 else "the one that syncs" if syncs else "another one"
    finally:
        for wire in met:
            wire.silent = False
            wire.cut()


@contextmanager
def deaf(site: Site, number: int) -> Iterator[str]:
    with silent(site, number, ways=("to_server",)) as met:
        yield met


@contextmanager
def mute(site: Site, number: int) -> Iterator[str]:
    with silent(site, number, ways=("to_client",)) as met:
        yield met


@contextmanager
def slow(site: Site, _: int) -> Iterator[None]:
    for wire in site.wires:
        wire.delay = 0.02
    try:
        yield
    finally:
        for wire in site.wires:
            wire.delay = 0.0


@contextmanager
def cut(site: Site, number: int) -> Iterator[None]:
    site.wires[number].refuses = True
    site.wires[number].cut()
    try:
        yield
    finally:
        site.wires[number].refuses = False


@contextmanager
def commit_held(site: Site, number: int) -> Iterator[None]:
    wire = site.wires[number]
    fates: Any = ("hold", "deliver and hold", "cut", "deliver and cut", "cut inside the answer")
    wire.released.clear()
    wire.fate = at_commit(b"UPDATE", random.choice(fates))
    try:
        yield
    finally:
        wire.fate = lambda _data: "pass"
        wire.release()


def family(machine: Machine) -> list[int]:
    """Return the processes of a daemon."""
    folder = Path(f"/proc/{machine.process.pid}/task/{machine.process.pid}/children")
    return [machine.process.pid, *map(int, folder.read_text().split())]


@contextmanager
def stopped(site: Site, number: int) -> Iterator[None]:
    """The one that syncs, mostly."""
    machine = leader(site) or site.machines[number]
    site.away.add(machine.name)
    processes = family(machine)
    for process in processes:
        os.kill(process, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)
        time.sleep(
            0.5
        )  # what was asked of it before is answered late, and was not paod's to answer
        site.away.discard(machine.name)


@contextmanager
def killed(site: Site, number: int) -> Iterator[None]:
    machine = leader(site) or site.machines[number]
    site.away.add(machine.name)
    machine.kill()
    try:
        yield
    finally:
        machine.start()
        site.away.discard(machine.name)


@contextmanager
def locked(site: Site, _: int) -> Iterator[None]:
    with psycopg.connect(site.server.url()) as administrator:
        administrator.execute("LOCK TABLE paod.catalog_items")
        yield


def leader(site: Site) -> Machine | None:
    found = site.server.execute(
        "SELECT application_name FROM pg_stat_activity WHERE application_name LIKE 'paod sync%'"
    )
    names = [str(name).removeprefix("paod sync ") for (name,) in found]
    return next((one for one in site.machines if one.name in names), None)


FAULTS = (
    Fault("the server is stopped", 30.0, server_stopped),
    Fault("the server is stopped and nobody reads", 240.0, stopped_and_nobody_reads),
    Fault("no connection is left", 30.0, no_connections),
    Fault("all sessions are ended", 1.0, sessions_ended),
    Fault("the network is silent", 60.0, silent),
    Fault("nothing gets to the server", 30.0, deaf),
    Fault("nothing gets to a machine", 30.0, mute),
    Fault("the network is slow", 20.0, slow),
    Fault("a machine is turned away", 20.0, cut),
    Fault("a COMMIT is lost or held", 20.0, commit_held),
    Fault("a daemon is stopped", 40.0, stopped),
    Fault("a daemon is killed", 3.0, killed),
    Fault("a table is locked", 10.0, locked),
)


class Faulty(Exception):
    """Something did not hold."""


def live_through(site: Site, fault: Fault) -> str:
    """Let a fault come and go; return what was seen, raise where a machine serves too late."""
    head = visible(site)
    began = time.monotonic()
    with fault.begins(site, random.randrange(len(site.machines))) as met:
        took = next_visible(site, head, began + fault.seconds)
        time.sleep(max(0.0, began + fault.seconds - time.monotonic()))
    ended = time.monotonic()
    late = [serves_after(machine, ended) for machine in site.machines]
    said = "no push" if took is None else f"a push after {took:.1f} s"
    if max(late) > SERVES_AGAIN:
        logs = "\n".join(line for machine in site.machines for line in machine.log[-30:])
        raise Faulty(f"{fault.name}: serves again after {max(late):.1f} s\n{logs}")
    whom = f"{met}: " if met else ""
    return f"{whom}{said} was visible meanwhile; all serve again after {max(late):.1f} s"


def serves_after(machine: Machine, since: float) -> float:
    while time.monotonic() < since + 60.0:
        with suppress(*GONE):
            if machine.ask("GET", ITEMS, timeout=5.0)[0] == 200:
                break
        time.sleep(0.05)
    return time.monotonic() - since


def visible(site: Site) -> Any:
    """Return the commit that some machine says is served, None where none says it."""
    for machine in site.running():
        with suppress(*GONE, Refused):
            return answer(machine, "/api/v1/health")["commit_hash"]
    return None


def next_visible(site: Site, head: Any, until: float) -> float | None:
    """Return after how many seconds the second push of a fault's time was visible: the first one
    may have been under way."""
    began, seen = time.monotonic(), {head}
    while time.monotonic() < until:
        found = visible(site)
        if found is not None and found not in seen:
            seen.add(found)
            if len(seen) == 3:
                return time.monotonic() - began
        time.sleep(0.1)
    return None


def at_the_end(site: Site) -> str:
    """Wait until all that was pushed is visible; compare the portal's copy."""
    site.author.end()
    wanted = {name: f"1.{number}.0" for name, number in site.author.versions.items()}
    for machine in site.machines:
        machine.wait_for(lambda machine=machine: versions(machine) == wanted, 90.0)
    site.portal.end()
    site.portal.known = site.portal.known or None
    for _ in range(20):
        site.portal.turn()
    if site.portal.copy != wanted:
        raise Faulty(f"the portal has {site.portal.copy}, served is {wanted}")
    slowest = max(site.author.seconds)
    if slowest[0] > DELIVERED:
        raise Faulty(f"a delivery took {slowest[0]:.1f} s ({slowest[1]}, {slowest[2]})")
    for client in (site.author, site.portal, *site.readers):
        if client.faults:
            raise Faulty(f"{type(client).__name__}: {client.faults[:3]}")
    refused = sum(status == 503 for _, _, status in site.author.seconds)
    return (
        f"{len(site.author.commits)} pushes visible, {len(site.author.seconds)} deliveries"
        f" ({refused} were 503), the slowest took {slowest[0]:.1f} s;"
        f" {sum(one.answers for one in site.readers)} reads,"
        f" {sum(one.refused for one in site.readers)} were 503"
    )


def versions(machine: Machine) -> dict[str, str]:
    with suppress(*GONE, Refused):
        return {
            row["name"]: row["version"] for row in answer(machine, f"{ITEMS}?limit=100")["items"]
        }
    return {}


@click.command()
@click.option("--seconds", default=7200.0, show_default=True, help="How long faults come and go.")
@click.option("--seed", default=None, type=int, help="Draw the faults that another run drew.")
@click.option("--only", default="", help="Only faults with this in their name.")
def main(seconds: float, seed: int | None, only: str) -> None:
    """Let faults come and go, and say what was seen."""
    seed = random.randrange(10**6) if seed is None else seed
    click.echo(f"--seed {seed}")
    random.seed(seed)
    faults = [one for one in FAULTS if only in one.name]
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="out-", dir=MEMORY) as name, ExitStack() as stack:
        Path(name).chmod(0o755)
        site = Site(Path(name), stack)
        site.machines[0].wait_for_names(*NAMES)
        drawn = itertools.chain(faults, iter(lambda: random.choice(faults), None))
        try:
            while time.monotonic() < end:
                fault = next(drawn)
                click.echo(f"{fault.name} ({fault.seconds:.0f} s): {live_through(site, fault)}")
                threading.Event().wait(QUIET)
            click.echo(at_the_end(site))
        except Faulty as faulty:
            click.echo(str(faulty), err=True)
            sys.exit(1)


if __name__ == "__main__":
    main()
