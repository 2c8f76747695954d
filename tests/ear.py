"""The other end of the notify socket: what systemd would hear of a daemon."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path


class Ear:
    """The service manager's end: every message as a mapping, with the time at which it came."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[tuple[float, dict[str, str]]] = []
        self._seen = 0
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self) -> None:
        while text := self._socket.recv(4096).decode():
            message = dict(line.split("=", 1) for line in text.splitlines())
            self.heard.append((time.monotonic(), message))

    def listen(self, word: str, seconds: float = 30.0) -> dict[str, str]:
        """Return the next message with this word in it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            for _, message in self.heard[self._seen :]:
                self._seen += 1
                if word in message or word in message.get("STATUS", ""):
                    return message
            time.sleep(0.02)
        raise AssertionError(f"no {word} in {self.heard}")

    @property
    def status(self) -> str:
        """Return what was last said of how things stand."""
        said = [message["STATUS"] for _, message in list(self.heard) if "STATUS" in message]
        return said[-1] if said else ""

    def close(self) -> None:
        """Send the empty message that ends the listening."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(self.path))
