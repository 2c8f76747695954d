"""What goes wrong: a table of faults, each a context in which it lasts."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from tests.chaos import server_faults as server
from tests.chaos.site import Site, family
from tests.wire import at_commit, pass_all

FATES: Any = ("hold", "deliver and hold", "cut", "deliver and cut", "cut inside the answer")
WAYS = ("to_server", "to_client")


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong, for a time between two bounds in seconds."""

    name: str
    shortest: float
    longest: float
    begins: Callable[[Site], AbstractContextManager[str | None]]
    """The value says whom it meets."""
    needs_mounts: bool = False


# The network


@contextmanager
def silent(site: Site, *, ways: tuple[str, ...] = WAYS) -> Iterator[str]:
    met = site.wires if site.draw.random() < 0.3 else [site.wires[site.drawn()]]
    said = whom(site, met)
    for wire, way in itertools.product(met, ways):
        getattr(wire, way).silent = True
    try:
        yield said
    finally:
        for wire in met:
            wire.silent = False
            wire.cut()


@contextmanager
def deaf(site: Site) -> Iterator[str]:
    with silent(site, ways=("to_server",)) as met:
        yield met


@contextmanager
def mute(site: Site) -> Iterator[str]:
    with silent(site, ways=("to_client",)) as met:
        yield met


@contextmanager
def slow(site: Site) -> Iterator[None]:
    for wire in site.wires:
        wire.delay = site.draw.uniform(0.005, 0.05)
    try:
        yield
    finally:
        for wire in site.wires:
            wire.delay = 0.0


@contextmanager
def turned_away(site: Site) -> Iterator[str]:
    wire = site.wires[site.drawn()]
    wire.refuses = True
    said = whom(site, [wire])
    wire.cut()
    try:
        yield said
    finally:
        wire.refuses = False


@contextmanager
def commit_lies(site: Site) -> Iterator[str]:
    wire, fate = site.wires[site.drawn()], site.draw.choice(FATES)
    wire.released.clear()
    wire.fate = at_commit(site.draw.choice((b"UPDATE", b"INSERT", b"catalog_head")), fate)
    try:
        yield str(fate)
    finally:
        wire.fate = pass_all
        wire.release()


def whom(site: Site, met: list[Any]) -> str:
    """Say whom a fault of the network meets."""
    leader = site.leader()
    syncs = leader is not None and site.wires[site.machines.index(leader)] in met
    return "all machines" if len(met) > 1 else "the one that syncs" if syncs else "another one"


# The machines


@contextmanager
def frozen(site: Site) -> Iterator[None]:
    machine = site.machines[site.drawn()]
    with site.without(machine):
        processes = family(machine)
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGCONT)


@contextmanager
def killed(site: Site) -> Iterator[None]:
    machine = site.machines[site.drawn()]
    with site.without(machine):
        machine.kill()
        try:
            yield
        finally:
            machine.start()


@contextmanager
def workers_killed(site: Site) -> Iterator[str]:
    """What was asked of an API worker ends with it: that is the client's to repeat."""
    count = site.draw.randrange(1, 5)
    for _ in range(count):
        machine = site.machines[site.drawn()]
        _supervisor, *workers = family(machine)
        with site.without(machine):
            os.kill(site.draw.choice(workers), signal.SIGKILL)
        time.sleep(site.draw.uniform(0.0, 0.5))
    yield f"{count} of them"


@contextmanager
def machine_full(site: Site) -> Iterator[str]:
    number = site.drawn()
    said = whom(site, [site.wires[number]])
    with server.full(site.machines[number].folder):
        yield said


FAULTS = (
    Fault("the server is stopped", 2, 45, server.stopped),
    Fault("the server crashes again and again", 0, 1, server.stopped_again_and_again),
    Fault("the server is stopped and nobody reads", 60, 240, server.stopped_and_nobody_reads),
    Fault("the role has no connection left", 2, 40, server.role_limited),
    Fault("the server has no connection left", 2, 40, server.connections_taken),
    Fault("all sessions are ended", 0, 1, server.sessions_ended),
    Fault("a table is locked", 1, 20, server.locked),
    Fault("a failover", 0, 2, server.failover),
    Fault("a failover that loses commits", 2, 15, server.lossy_failover),
    Fault("a dump is restored", 2, 15, server.restored),
    Fault("the server's disk is full", 2, 20, server.server_full, needs_mounts=True),
    Fault("the network is silent", 2, 60, silent),
    Fault("nothing gets to the server", 2, 40, deaf),
    Fault("nothing gets to a machine", 2, 40, mute),
    Fault("the network is slow", 5, 20, slow),
    Fault("a machine is turned away", 2, 30, turned_away),
    Fault("a COMMIT is lost or held", 5, 20, commit_lies),
    Fault("a daemon is stopped", 2, 40, frozen),
    Fault("a daemon is killed", 0, 3, killed),
    Fault("workers are killed", 0, 1, workers_killed),
    Fault("a machine's disk is full", 2, 20, machine_full, needs_mounts=True),
)
