"""News between processes that share a database file, which by itself cannot call anyone.

Each waiting thread binds a datagram socket in a folder beside the database; whoever has news sends
one byte to every socket there. Nothing is lost that matters: what is sent is a hint, and everyone
who waits also looks again after a while. Sockets of processes that died are swept by the next
sender.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import select
import socket
from collections.abc import Iterator
from pathlib import Path

_numbers = itertools.count()


class Listener:
    """One thread's ear. It belongs to the process that made it."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, exist_ok=True)
        self.name = f"{os.getpid()}-{next(_numbers)}"
        self._path = folder / self.name
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._path.unlink(missing_ok=True)  # a dead process may have had our number
        with _short(folder) as short:
            self._socket.bind(f"{short}/{self.name}")

    def wait(self, timeout: float) -> bool:
        """Wait for news up to ``timeout`` seconds; return whether there was any."""
        waiting = select.poll()
        waiting.register(self._socket, select.POLLIN)
        if not waiting.poll(max(0.0, timeout) * 1000):
            return False
        with contextlib.suppress(BlockingIOError):
            while True:
                self._socket.recv(1)
        return True

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
        self._path.unlink(missing_ok=True)


def tell(folder: Path, besides: str | None = None) -> None:
    """Send news to every listener in a folder, except to the one of that name. Never blocks."""
    if not folder.is_dir():
        return
    with _short(folder) as short, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for ear in folder.iterdir():
            if ear.name != besides:
                _tell_one(sender, short, ear.name)


def _tell_one(sender: socket.socket, short: str, name: str) -> None:
    try:
        sender.sendto(b"!", f"{short}/{name}")
    except ConnectionRefusedError:
        with contextlib.suppress(OSError):
            Path(short, name).unlink()
    except OSError:
        pass  # it has news enough already, or has just gone


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """Give a folder a short path: a socket's address holds only 107 bytes."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
