"""A throw-away PostgreSQL server for the tests, from Debian's ``postgresql`` package.

Each test process starts one when it first needs it; it ends with that process, however that ends.
Nothing of it is to last, so it never waits for the disk.
"""

from __future__ import annotations

import atexit
import functools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import psycopg

from tests.programs import program

MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None
"""Where nothing waits for a disk: what a power cut would leave is not asked here."""
SETTINGS = {
    "listen_addresses": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "autovacuum": "off",
    "track_counts": "off",
    "update_process_title": "off",
    "jit": "off",
}


class Server:
    """A server of its own in a folder, reached over a unix socket, with trust for everyone."""

    def __init__(
        self,
        folder: Path,
        settings: dict[str, str] | None = None,
        primary: Server | None = None,
    ) -> None:
        """``primary``: the server whose standby this one is."""
        self.folder = folder
        self._settings = SETTINGS | (settings or {})
        self._process: subprocess.Popen[bytes] | None = None
        self._as_server = ["setpriv", "--pdeathsig", "INT"]
        if os.geteuid() == 0:  # the server refuses to run as root
            self._as_server += ["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
            shutil.chown(folder, "postgres", "postgres")
        if primary is None:
            command = [program("initdb"), "-D", str(self.data), "-U", "postgres", "-A", "trust"]
            command += ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
        else:
            command = [program("pg_basebackup"), "-D", str(self.data), "-U", "postgres", "-R"]
            command += ["-h", str(primary.folder), "-c", "fast", "-X", "stream", "--no-sync"]
        subprocess.run(self._as_server + command, check=True, stdout=subprocess.DEVNULL, cwd="/")
        self.start()

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, schema: str | None = None, database: str = "postgres") -> str:
        """Return the URL of a database; with a schema, of a catalog that lives in it."""
        return self.url_at(self.folder, schema, database)

    @staticmethod
    def url_at(folder: Path, schema: str | None = None, database: str = "postgres") -> str:
        """Return the URL of what listens in a folder as a server does."""
        options = "" if schema is None else f"&options={quote(f'-csearch_path={schema}')}"
        host = quote(str(folder), safe="")
        return f"postgresql://postgres@/{database}?host={host}{options}"

    def start(self) -> None:
        """Start it and wait until it answers."""
        command = [program("postgres"), "-D", str(self.data), "-k", str(self.folder)]
        for name, value in self._settings.items():
            command += ["-c", f"{name}={value}"]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._as_server + command, stdout=log, stderr=log, cwd="/"
            )
        end = time.monotonic() + 30
        while not self._answers():
            assert self._process.poll() is None, (self.folder / "log").read_text()
            assert time.monotonic() < end, (self.folder / "log").read_text()
            time.sleep(0.05)

    def stop(self, number: signal.Signals = signal.SIGINT) -> None:
        """End it: SIGINT as ``pg_ctl -m fast`` does, SIGQUIT as ``-m immediate``."""
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait(timeout=30)
            self._process = None

    def runs(self) -> bool:
        """Return whether it was started and has not ended by itself."""
        return self._process is not None and self._process.poll() is None

    def execute(self, sql: str) -> list[tuple[object, ...]]:
        """Run one statement as its administrator."""
        with psycopg.connect(self.url(), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def wait_for(self, primary: Server) -> None:
        """Wait until this standby has all that a primary has."""
        wanted = primary.execute("SELECT pg_current_wal_lsn()::text")[0][0]
        asked = f"SELECT pg_last_wal_replay_lsn() >= '{wanted}'::pg_lsn"
        end = time.monotonic() + 30
        while self.execute(asked)[0][0] is not True:
            assert time.monotonic() < end
            time.sleep(0.02)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True


@functools.cache
def shared_server() -> Server:
    """Return this process's server, for tests that leave it as it is."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir=MEMORY))
    server = Server(folder)

    def end() -> None:
        server.stop(signal.SIGQUIT)
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    return server
