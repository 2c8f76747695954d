"""A PgBouncer of a test's own before its server, from Debian's ``pgbouncer`` package."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import psycopg

from tests.postgres import MEMORY, Server
from tests.programs import program

Mode = Literal["session", "transaction", "statement"]
PORT = 6432
INI = """\
[databases]
* = host={server} port=5432
[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = {port}
pool_mode = {mode}
auth_type = trust
auth_file = {folder}/users
server_tls_sslmode = disable
logfile =
pidfile =
"""


@contextmanager
def pgbouncer(server: Server, mode: Mode, role: str) -> Iterator[str]:
    """Start one that knows a role; the value is the role's URL by this way."""
    with tempfile.TemporaryDirectory(prefix="bouncer-", dir=MEMORY) as name:
        folder = Path(name)
        ini = folder / "pgbouncer.ini"
        ini.write_text(INI.format(server=server.folder, folder=folder, mode=mode, port=PORT))
        users = folder / "users"
        users.write_text(f'"{role}" ""\n')
        command = ["setpriv", "--pdeathsig", "INT", program("pgbouncer"), "-q", str(ini)]
        if os.geteuid() == 0:  # it refuses to run as root
            for path in (folder, ini, users):
                shutil.chown(path, "postgres", "postgres")
            command[1:1] = ["--reuid", "postgres", "--regid", "postgres", "--clear-groups"]
        process = subprocess.Popen(command, cwd="/", stderr=subprocess.DEVNULL)
        try:
            url = f"postgresql://{role}@/postgres?host={quote(name, safe='')}&port={PORT}"
            _wait(process, url)
            yield url
        finally:
            process.kill()
            process.wait(10)


def _wait(process: subprocess.Popen[bytes], url: str) -> None:
    end = time.monotonic() + 20
    while True:
        assert process.poll() is None, "pgbouncer ended"
        try:
            psycopg.connect(url).close()
        except psycopg.OperationalError:
            assert time.monotonic() < end, "pgbouncer does not answer"
            time.sleep(0.02)
        else:
            return
