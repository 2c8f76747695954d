"""What systemd is told, by its protocol of datagrams (sd_notify(3)): ready, alive, where we stand.

It may not fail: whether anybody listens changes nothing. The protocol is to send lines to a socket,
which is less than a library for it would be.
"""

from __future__ import annotations

import logging
import socket
import time
from collections.abc import Callable, MutableMapping

from paod.daemon.supervisor import State

PERIOD = 10.0
"""Seconds between two lines on where the catalog stands."""
SHARE = 3.0
"""So many signs of life fit into the time after which systemd takes us for hung."""

logger = logging.getLogger("paod.daemon")


class Notifier:
    """Tells the socket at ``address`` what becomes of the daemon; None: there is nobody to tell."""

    def __init__(
        self,
        address: str | None,
        watchdog: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``watchdog``: seconds within which a sign of life is waited for, None: nobody does."""
        self._address = address
        self._watchdog = watchdog
        self._clock = clock
        self._period = PERIOD if watchdog is None else min(PERIOD, watchdog / SHARE)
        self._next = 0.0
        self._failed = False

    @classmethod
    def of(cls, environ: MutableMapping[str, str], pid: int) -> Notifier:
        """Make the one that systemd asks for, and keep child programs from speaking for us."""
        address = environ.pop("NOTIFY_SOCKET", None)
        usec = environ.pop("WATCHDOG_USEC", "")
        ours = environ.pop("WATCHDOG_PID", str(pid)) == str(pid)
        watched = ours and usec.isdecimal() and int(usec) > 0
        return cls(address or None, int(usec) / 1e6 if watched else None)

    def __call__(self, state: State, words: str) -> None:
        """Say what ``state`` the daemon is in, and in ``words`` where the catalog stands."""
        if self._address is None:
            return
        if state == "reloading":
            self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}")
        elif state == "stopping":
            self._send("STOPPING=1", "STATUS=stopping")
        elif state == "ready":
            self._send("READY=1", *self._signs(words))
        elif self._clock() >= self._next:
            self._send(*self._signs(words))

    def _signs(self, words: str) -> list[str]:
        self._next = self._clock() + self._period
        return [f"STATUS={words}", *(["WATCHDOG=1"] if self._watchdog else [])]

    def _send(self, *lines: str) -> None:
        address = self._address or ""
        if address.startswith("@"):
            address = "\0" + address[1:]
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sender:
                sender.setblocking(False)
                sender.sendto("\n".join(lines).encode(), address)
        except OSError as error:
            if not self._failed:
                logger.warning("systemd cannot be told of our state: %s", error)
            self._failed = True
