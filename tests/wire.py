"""A wire to a server's unix socket that a test can make slow, silent or cut, or lead elsewhere."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Literal

Fate = Literal["pass", "deliver and cut", "cut"]
NAME = ".s.PGSQL.5432"


def pass_all(_data: bytes) -> Fate:
    """Let everything through."""
    return "pass"


class Wire:
    """Listens in ``folder`` for what believes it to be the server, and passes it on to ``target``.

    ``delay``: seconds that each piece takes; ``silent``: whether all that comes is taken and kept;
    ``fate`` decides over each piece that a client sends.
    """

    def __init__(self, folder: Path, target: Path) -> None:
        self.folder = folder
        self.target = target
        self.delay = 0.0
        self.silent = False
        self.fate: Callable[[bytes], Fate] = pass_all
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / NAME))
        self._listener.listen(50)
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """End every connection."""
        while self._pairs:
            for end in self._pairs.pop():
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self.silent = False
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
                    server.connect(str(self.target / NAME))
                except OSError:
                    client.close()
                    continue
                self._pairs.append((client, server))
                for ends in ((client, server, True), (server, client, False)):
                    threading.Thread(target=self._pump, args=ends, daemon=True).start()

    def _pump(self, source: socket.socket, sink: socket.socket, from_client: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                time.sleep(self.delay)
                while self.silent:
                    time.sleep(0.02)
                fate = self.fate(data) if from_client else "pass"
                if fate != "cut":
                    sink.sendall(data)
                if fate != "pass":
                    source.shutdown(socket.SHUT_RDWR)
                    time.sleep(0.1)  # the server is to have read it before it sees the end
                    break
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
