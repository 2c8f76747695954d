"""The demo from folder to farewell: repository, settings, socket, words, the daemon, and away."""

from __future__ import annotations

import json
import secrets
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from paod.config import Settings, load, new_token
from paod.demo.repository import make_repository, require_git
from paod.demo.words import Place, farewell, welcome
from paod.errors import SettingsError

PORT = 8080
PORTS_TRIED = 100
HOST = "127.0.0.1"
POLL_SECONDS = 30
"""Between looks at the repository; the demo shows `paod sync`, which does not wait for them."""

Serve = Callable[[Settings, socket.socket], int]
Say = Callable[[str], None]


def run(serve: Serve, say: Say, folder: Path | None = None, port: int = PORT) -> int:
    """Make the demo, serve it until a signal ends it, and return the exit status.

    ``folder``: where the repository and the state shall lie and stay; None: in a temporary folder
    that is removed at the end. ``port``: the first one to try. ``serve`` ends by itself at
    SIGTERM, SIGINT and SIGHUP. Raise SettingsError when something is missing.
    """
    require_git()
    with _workplace(folder) as place, _listener(port) as listener:
        _ensure_repository(place)
        taken = listener.getsockname()[1]
        if port not in (0, taken):
            say(f"Port {port} is taken by another program; this is port {taken}.\n")
        say(welcome(place, taken, Path(sys.executable).parent))
        status = serve(_settings(place, listener), listener)
        say(farewell(place))
    return status


@contextmanager
def _workplace(folder: Path | None) -> Iterator[Place]:
    """Provide the folder, and remove it afterwards if it is temporary, whatever happened."""
    if folder is not None:
        yield _place(folder.absolute(), kept=True)
        return
    before = signal.signal(signal.SIGTERM, _leave)
    temporary = Path(tempfile.mkdtemp(prefix="paod-demo-"))
    try:
        yield _place(temporary, kept=False)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
        signal.signal(signal.SIGTERM, before)


def _leave(number: int, _frame: object) -> NoReturn:
    """End in order before the daemon is there to take the signal."""
    raise SystemExit(128 + number)


def _place(folder: Path, *, kept: bool) -> Place:
    return Place(folder, kept, new_token(), secrets.token_hex(16))


def _ensure_repository(place: Place) -> None:
    """Make the repository, unless an earlier demo left one here."""
    if (place.repository / ".git").is_dir():
        return
    if place.folder.exists() and any(place.folder.iterdir()):
        raise SettingsError(
            f"{place.folder} is not empty, and no demo's",
            "give paod demo an empty folder, or none",
        )
    make_repository(place.repository)


@contextmanager
def _listener(first: int) -> Iterator[socket.socket]:
    listener = listen_near(first)
    with listener:
        yield listener


def listen_near(first: int) -> socket.socket:
    """Listen on a port of this machine alone: the first one that is free."""
    for port in range(first, first + PORTS_TRIED) if first else [0]:
        try:
            return socket.create_server((HOST, port), backlog=1024)
        except OSError:
            continue
    raise SettingsError(f"no port from {first} to {first + PORTS_TRIED - 1} is free")


def _settings(place: Place, listener: socket.socket) -> Settings:
    """Return settings made by nobody: the user's own environment plays no part.

    They are written into the demo's folder, so that each command of paod can be tried on it.
    """
    values = {
        "PAO_REPO_URL": str(place.repository),
        "PAO_SYNC_INTERVAL": str(POLL_SECONDS),
        "PAO_WEBHOOK_SECRET": place.webhook_secret,
        "PAO_ADMIN_TOKEN": place.token,
        "PAO_STATE_DIR": str(place.folder / "state"),
        "PAO_LISTEN": f"{HOST}:{listener.getsockname()[1]}",
    }
    text = "".join(f"{name}: {json.dumps(value)}\n" for name, value in values.items())
    place.config.unlink(missing_ok=True)
    place.config.touch(mode=0o600)
    place.config.write_text(text, encoding="utf-8")
    return load(values)
