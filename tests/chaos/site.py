"""A PostgreSQL server that can fail over, three machines with a wire each, and their repository."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg.rows import dict_row

from tests.faults.test_machines import Machine
from tests.origin import Origin
from tests.postgres import Server
from tests.wire import Wire

NAMES = ("vm-1", "vm-2", "vm-3")
SETTINGS = {
    "synchronous_commit": "on",
    "max_connections": "100",
    "max_wal_size": "64MB",
    "min_wal_size": "32MB",
    "wal_keep_size": "64MB",
}
ROOMS = {"servers": 500, **dict.fromkeys(NAMES, 128)}
"""MiB that each of them may fill, where root can mount."""
PRIVATE = "PAOD_CHAOS_PRIVATE_MOUNTS"
"""In the environment of a process whose mounts nobody else sees, and that may make some."""
LEADER = "SELECT application_name AS name FROM pg_stat_activity WHERE application_name LIKE %s"


class Site:
    """What faults meet. ``server`` is the primary; ``away``: who is stopped or killed."""

    def __init__(self, folder: Path, stack: ExitStack, draw: random.Random, files: Any) -> None:
        self.folder, self.draw, self.stack = folder, draw, stack
        self.mounts = _mounted(folder)
        self._servers = 0
        self.server = self.made_server()
        self.execute("CREATE ROLE paod LOGIN")
        self.execute("CREATE SCHEMA paod AUTHORIZATION paod")
        self.origin = stack.enter_context(Origin(folder))
        self.origin.write_all(files).commit()
        self.wires = [self._wire(name) for name in NAMES]
        with ThreadPoolExecutor() as pool:
            self.machines = list(pool.map(self._machine, NAMES, self.wires))
        self.away: set[str] = set()
        self.went = dict.fromkeys(NAMES, 0)
        """How often each machine was away: what it was asked meanwhile was not its to answer."""
        self.quiet = False
        """Whether nobody reads or pushes."""
        self.lost: list[tuple[float, float]] = []
        """Between which moments what was confirmed may be gone, for the database went back."""

    def made_server(self, primary: Server | None = None) -> Server:
        """Return a new server, or standby."""
        self._servers += 1
        folder = self.folder / "servers" / str(self._servers)
        folder.mkdir(parents=True)
        server = Server(folder, SETTINGS, primary)
        self.stack.callback(server.stop, signal.SIGQUIT)
        return server

    def _wire(self, name: str) -> Wire:
        (self.folder / f"wire-{name}").mkdir()
        wire = Wire(self.folder / f"wire-{name}", self.server.folder)
        self.stack.callback(wire.close)
        return wire

    def _machine(self, name: str, wire: Wire) -> Machine:
        url = Server.url_at(wire.folder).replace("postgres@", "paod@")
        machine = Machine(
            self.folder, self.origin, url, name, PAO_WEBHOOK_RATE="1000/second", PAO_API_WORKERS="2"
        )
        self.stack.callback(machine.kill)
        return machine

    def running(self) -> list[Machine]:
        """Return the machines that are asked now."""
        return [one for one in self.machines if one.name not in self.away]

    @contextmanager
    def without(self, machine: Machine) -> Any:
        """Ask nothing of a machine meanwhile."""
        self.away.add(machine.name)
        self.went[machine.name] += 1
        try:
            yield
        finally:
            self.away.discard(machine.name)

    def lead_to(self, server: Server) -> None:
        """Have every wire end at another server, as a name does that a failover moved."""
        for wire in self.wires:
            wire.target = server.folder
            wire.cut()

    def execute(self, sql: str) -> Any:
        """Run a statement as the server's administrator."""
        return self.server.execute(sql)

    def query(self, sql: str, *values: Any) -> list[dict[str, Any]]:
        """Ask for rows of the catalog's tables, past every wire."""
        url = self.server.url("paod")
        with psycopg.connect(url, autocommit=True, row_factory=dict_row) as connection:
            return connection.execute(sql.encode(), values).fetchall()

    def end_sessions(self) -> None:
        """End every session of paod's."""
        self.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'paod'"
        )

    def leader(self) -> Machine | None:
        """Return the machine that syncs."""
        names = [row["name"].removeprefix("paod sync ") for row in self.query(LEADER, "paod sync%")]
        return next((one for one in self.machines if one.name in names), None)

    def drawn(self) -> int:
        """Draw the number of a machine: twice as often the one that syncs."""
        leader = self.leader()
        if leader is not None and self.draw.random() < 0.5:
            return self.machines.index(leader)
        return self.draw.randrange(len(self.machines))


def _mounted(folder: Path) -> bool:
    """Give what shall run out of room a disk of its own; return whether that can be done here."""
    if os.environ.get(PRIVATE) != "1":
        return False
    for name, size in ROOMS.items():
        place = folder / name
        place.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}m", "tmpfs", str(place)]
        if subprocess.run(command, check=False, capture_output=True).returncode != 0:
            return False
        place.chmod(0o755 if name == "servers" else 0o700)
    return True


def unmount(folder: Path) -> None:
    """Take those disks away."""
    for name in ROOMS:
        subprocess.run(["umount", "-l", str(folder / name)], check=False, capture_output=True)


def family(machine: Machine) -> list[int]:
    """Return the processes of a daemon, the supervisor first."""
    folder = Path(f"/proc/{machine.process.pid}/task/{machine.process.pid}/children")
    return [machine.process.pid, *map(int, folder.read_text().split())]


Kind = Literal["items", "bundles"]
KINDS: tuple[Kind, ...] = ("items", "bundles")


def until(look: Any, seconds: float, what: str) -> float:
    """Look until it is so; return the seconds that this took, raise where it never is."""
    began = time.monotonic()
    while not look():
        if time.monotonic() > began + seconds:
            raise Faulty(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.05)
    return time.monotonic() - began


class Faulty(Exception):
    """Something did not hold."""
