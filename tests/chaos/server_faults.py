"""What goes wrong with the server, its database and disks: each a context in which it lasts."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import psycopg

from tests.chaos.site import Site
from tests.faults.test_machines import GONE, Machine
from tests.programs import program

TABLES = ("catalog_items", "catalog_head", "webhook_events", "catalog_sync_status")


@contextmanager
def stopped(site: Site) -> Iterator[str]:
    how = site.draw.choice((signal.SIGINT, signal.SIGQUIT))
    site.server.stop(how)
    try:
        yield "immediately" if how == signal.SIGQUIT else "fast"
    finally:
        site.server.start()


@contextmanager
def stopped_again_and_again(site: Site) -> Iterator[None]:
    for _ in range(4):
        site.server.stop(signal.SIGQUIT)
        site.server.start()
        time.sleep(site.draw.uniform(0.0, 2.0))
    yield


@contextmanager
def stopped_and_nobody_reads(site: Site) -> Iterator[None]:
    """But the load balancer, which asks whether a machine is ready."""
    done = threading.Event()

    def ask() -> None:
        while not done.wait(1.0):
            for machine in site.machines:
                with suppress(*GONE):
                    machine.ask("GET", "/readyz")

    site.quiet = True
    threading.Thread(target=ask, daemon=True).start()
    try:
        with stopped(site):
            yield
    finally:
        done.set()
        site.quiet = False


@contextmanager
def role_limited(site: Site) -> Iterator[None]:
    site.execute("ALTER ROLE paod CONNECTION LIMIT 0")
    site.end_sessions()
    try:
        yield
    finally:
        site.execute("ALTER ROLE paod CONNECTION LIMIT -1")


@contextmanager
def connections_taken(site: Site) -> Iterator[str]:
    """Another program takes each connection that becomes free."""
    url, taken, done = site.server.url().replace("postgres@", "paod@"), [], threading.Event()

    def take() -> None:
        while not done.is_set():
            try:
                taken.append(psycopg.connect(url, application_name="greedy", connect_timeout=2))
            except psycopg.OperationalError:
                done.wait(0.1)

    greedy = threading.Thread(target=take)
    greedy.start()
    try:
        site.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'paod' AND application_name <> 'greedy'"
        )
        yield "by another program"
    finally:
        done.set()
        greedy.join()
        for connection in taken:
            connection.close()


@contextmanager
def sessions_ended(site: Site) -> Iterator[None]:
    for _ in range(site.draw.randrange(1, 6)):
        site.end_sessions()
        time.sleep(site.draw.uniform(0.0, 0.5))
    yield


@contextmanager
def locked(site: Site) -> Iterator[str]:
    table = site.draw.choice(TABLES)
    with psycopg.connect(site.server.url()) as administrator:
        administrator.execute(f"LOCK TABLE paod.{table}".encode())
        yield table


# The database goes back


@contextmanager
def goes_back(site: Site) -> Iterator[None]:
    """What is confirmed meanwhile may be gone afterwards."""
    began = time.monotonic()
    try:
        yield
    finally:
        site.lost.append((began - 1.0, time.monotonic()))


@contextmanager
def failover(site: Site, *, lag: bool = False) -> Iterator[str]:
    """The primary dies, and its standby, which may lack the last commits, takes its place."""
    former, standby = site.server, site.made_server(site.server)
    standby.wait_for(former)
    with goes_back(site):
        if lag:
            standby.stop()
        read_only = not lag and site.draw.random() < 0.5
        try:
            yield "and is read-only for a while" if read_only else None
        finally:
            former.stop(signal.SIGQUIT)
            if lag:
                standby.start()
            if read_only:
                site.lead_to(standby)
                time.sleep(site.draw.uniform(0.5, 5.0))
            standby.execute("SELECT pg_promote()")
            site.server = standby
            site.lead_to(standby)
    shutil.rmtree(former.folder)


@contextmanager
def lossy_failover(site: Site) -> Iterator[str]:
    with failover(site, lag=True) as said:
        yield said


@contextmanager
def restored(site: Site) -> Iterator[str]:
    """A dump is put back, under stopped machines as the docs say, or in one transaction."""
    dump, url = site.folder / "dump", site.server.url()
    running = site.draw.random() < 0.5
    with goes_back(site):
        command = [program("pg_dump"), "--format=custom", "--schema=paod", f"--file={dump}", url]
        subprocess.run(command, check=True)
        try:
            yield "under running machines" if running else "under stopped machines"
        finally:
            with ExitStack() as stack:
                for machine in [] if running else site.machines:
                    stack.enter_context(site.without(machine))
                    machine.kill()
                _restore(dump, url)
                with ThreadPoolExecutor() as pool:
                    list(pool.map(Machine.start, [] if running else site.machines))


def _restore(dump: Path, url: str) -> None:
    """Put a dump back; where paod holds locks in another order, again."""
    command = [program("pg_restore"), "--clean", "--if-exists", "--single-transaction"]
    for attempt in range(5):
        last = attempt == 4
        done = subprocess.run([*command, f"--dbname={url}", str(dump)], check=last)
        if done.returncode == 0:
            return


# The disk


@contextmanager
def full(place: Path) -> Iterator[None]:
    filler, size = place / "filler", 0
    with filler.open("wb") as file:
        for piece in (1 << 20, 1 << 12):
            with suppress(OSError):
                while True:
                    os.posix_fallocate(file.fileno(), size, piece)
                    size += piece
    try:
        yield
    finally:
        filler.unlink()


@contextmanager
def server_full(site: Site) -> Iterator[None]:
    """The server may panic, and is started again once there is room."""
    with full(site.folder / "servers"):
        yield
    if not site.server.runs():
        site.server.stop()
        site.server.start()
