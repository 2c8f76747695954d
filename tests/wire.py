"""A wire to a server's unix socket that a test can make slow, silent or cut, or lead elsewhere.

wire = Wire(folder, server.folder)     clients connect to ``folder``
wire.delay = 0.05                      seconds that everything takes, each way (latency: what is
                                       sent together arrives together)
wire.silent = True                     everything is taken, kept, and passed on when it ends
wire.to_server.silent = True           the same in one direction; so ``to_client``, and ``delay``
wire.refuses = True                    nobody listens any more: whoever connects is turned away
wire.cut()                             ends every connection
wire.fate = at_commit(b"SET commit_hash", "cut")
                                       what befalls the first COMMIT after a statement with this
wire.round_trips                       how often a client waited for an answer, and went on
"""

from __future__ import annotations

import contextlib
import queue
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

Fate = Literal[
    "pass", "deliver and cut", "deliver and hold", "cut inside the answer", "cut", "hold"
]
"""What befalls a piece that a client sends.

``deliver and cut``: the server gets it, the client no answer but the end. ``deliver and hold``:
the answer is kept, on this connection alone, until ``release``. ``cut inside the answer``: the
client gets its first bytes. ``cut``: it never arrives, and the connection ends. ``hold``: it is
kept until ``release``.
"""
NAME = ".s.PGSQL.5432"
INSIDE = 3
"""Bytes of an answer that is cut in its middle."""
LOOK_SECONDS = 0.01


def pass_all(_data: bytes) -> Fate:
    """Let everything through."""
    return "pass"


def at_commit(after: bytes, fate: Fate) -> Callable[[bytes], Fate]:
    """Let a fate befall the first COMMIT that comes after a statement with some words in it."""
    seen, met = threading.Event(), threading.Event()

    def decide(data: bytes) -> Fate:
        if after in data:
            seen.set()
        if not seen.is_set() or met.is_set() or b"COMMIT\0" not in data:
            return "pass"
        met.set()
        return fate

    return decide


class Way:
    """One direction of a wire: ``delay`` in seconds, ``silent``: whether all is taken and kept."""

    def __init__(self) -> None:
        self.delay = 0.0
        self.silent = False

    def hold(self) -> None:
        """Wait until it is not silent."""
        while self.silent:
            time.sleep(LOOK_SECONDS)


class Wire:
    """Listens in ``folder`` for who believes it to be the server, and passes on to ``target``."""

    def __init__(self, folder: Path, target: Path) -> None:
        self.folder = folder
        self.target = target
        self.to_server, self.to_client = Way(), Way()
        self.refuses = False
        self.fate: Callable[[bytes], Fate] = pass_all
        self.round_trips = 0
        self.released = threading.Event()
        self.holds = False
        self._links: list[_Link] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / NAME))
        (folder / NAME).chmod(0o777)
        self._listener.listen(50)
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def delay(self) -> float:
        """Seconds that each way takes."""
        return self.to_server.delay

    @delay.setter
    def delay(self, seconds: float) -> None:
        self.to_server.delay = self.to_client.delay = seconds

    @property
    def silent(self) -> bool:
        """Whether nothing gets through, in either direction."""
        return self.to_server.silent and self.to_client.silent

    @silent.setter
    def silent(self, silent: bool) -> None:
        self.to_server.silent = self.to_client.silent = silent

    def cut(self) -> None:
        """End every connection."""
        while self._links:
            self._links.pop().cut()

    def keep(self) -> None:
        """Hold what a fate said, until ``release``."""
        self.holds = True
        self.released.wait()

    def release(self) -> None:
        """Pass on what a fate made it hold."""
        self.released.set()

    def close(self) -> None:
        self.silent = False
        self.release()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    if self.refuses:
                        raise ConnectionRefusedError
                    server.connect(str(self.target / NAME))
                except OSError:
                    client.close()
                    continue
                self._links.append(_Link(self, client, server))


class _Link:
    """One connection through a wire."""

    def __init__(self, wire: Wire, client: socket.socket, server: socket.socket) -> None:
        self._wire = wire
        self._ends = (client, server)
        self._asked = False
        self._answer: Fate = "pass"
        """What befalls what the server sends next."""
        for source, sink, way, treat in (
            (client, server, wire.to_server, self._forth),
            (server, client, wire.to_client, self._back),
        ):
            pieces: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
            for work in (
                lambda source=source, pieces=pieces: _take(source, pieces),
                lambda sink=sink, way=way, pieces=pieces, treat=treat: self._give(
                    sink, way, pieces, treat
                ),
            ):
                threading.Thread(target=work, daemon=True).start()

    def cut(self) -> None:
        for end in self._ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _give(
        self,
        sink: socket.socket,
        way: Way,
        pieces: queue.SimpleQueue[tuple[float, bytes]],
        treat: Callable[[socket.socket, bytes], bool],
    ) -> None:
        """Pass on what was taken, when its time has come; an end is passed on like anything."""
        with contextlib.suppress(OSError):
            goes_on = True
            while goes_on:
                taken, data = pieces.get()
                time.sleep(max(0.0, taken + way.delay - time.monotonic()))
                way.hold()
                goes_on = bool(data) and treat(sink, data)
        self.cut()

    def _forth(self, server: socket.socket, data: bytes) -> bool:
        """Send what the client sent; return whether the connection goes on."""
        if not self._asked:
            self._asked = True
            self._wire.round_trips += 1
        fate = self._wire.fate(data)
        if fate == "cut":
            return False
        if fate == "hold":
            self._wire.keep()
        elif fate != "pass":
            self._answer = fate
        server.sendall(data)
        return True

    def _back(self, client: socket.socket, data: bytes) -> bool:
        """Send what the server sent; return whether the connection goes on."""
        self._asked = False
        fate, self._answer = self._answer, "pass"
        if fate == "deliver and hold":
            self._wire.keep()
        elif fate == "cut inside the answer":
            client.sendall(data[:INSIDE])
        if fate.endswith(("cut", "answer")):
            return False
        client.sendall(data)
        return True


def _take(source: socket.socket, pieces: queue.SimpleQueue[tuple[float, bytes]]) -> None:
    """Take what an end sends, and note when; an empty piece is its end."""
    data = b"."
    while data:
        try:
            data = source.recv(65536)
        except OSError:
            data = b""
        pieces.put((time.monotonic(), data))
