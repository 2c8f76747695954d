"""An API worker: waitress, bounded in all that a stranger could make it hold, on a shared socket.

It may not know what the application does. Bodies, headers, connections and the time that a request
may take to arrive all have limits here; what one caller may ask for is the application's to limit.
"""

from __future__ import annotations

import contextlib
import json
import logging
import signal
import socket
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import ErrorTask, WSGITask

from paod.daemon.child import allow_connections
from paod.daemon.forwarded import tidy
from paod.daemon.lanes import Lanes
from paod.daemon.spool import MEMORY_BYTES, OTHER_BYTES, SPOOL_BYTES, Parser, Spool

Application = Callable[..., Iterable[bytes]]

CONNECTIONS = 400
BODY_BYTES = 25 * 1024 * 1024
HEADER_BYTES = 64 * 1024
ARRIVAL_SECONDS = 30.0
"""For which a request may keep arriving, head and body: who drips bytes loses the connection."""
LOOK_SECONDS = 1.0
"""Between two looks for such requests."""
DETAIL_CHARACTERS = 200
"""Of what is wrong with a request: it may quote what came."""
IDLE_SECONDS = 75
CLEANUP_SECONDS = 5
LEAVING_SECONDS = 2.5
"""For answers under way at the end; less than the supervisor's patience."""
PROXY_HEADERS = {"x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-port"}
CAME = "paod.came"
"""Where the application finds when a request had arrived, by the monotonic clock."""
UNIX_PEER = "localhost"
"""What waitress calls whoever connects to a unix socket: with one, that is the proxy."""

logger = logging.getLogger("paod.daemon")


def _do_nothing() -> None:
    """Nobody waits."""


class _Task(WSGITask):  # type: ignore[misc]
    """Keeps the connection after an answer without a body; believes the proxy's request id alone.

    waitress closes it when there is no Content-Length, which a 304 never has, so that a client that
    revalidates would pay a new connection for each saved answer.
    """

    def get_environment(self) -> dict[str, Any]:
        environ: dict[str, Any] = super().get_environment()
        if self.channel.addr[0] != self.channel.server.adj.trusted_proxy:
            environ.pop("HTTP_X_REQUEST_ID", None)
        environ[CAME] = self.channel.came
        tidy(environ)
        return environ

    def set_close_on_finish(self) -> None:
        if not self._may_stay():
            super().set_close_on_finish()

    def _may_stay(self) -> bool:
        asked_to_close = self.request.headers.get("CONNECTION", "").lower() == "close"
        bodiless = self.complete and not self.has_body
        return bool(bodiless and self.version == "1.1" and not asked_to_close)


class _RefusalTask(ErrorTask):  # type: ignore[misc]
    """Refuses what never reaches the application as that would: with problem details (RFC 9457)."""

    def execute(self) -> None:
        error = self.request.error
        problem = {
            "type": "about:blank",
            "title": error.reason,
            "status": error.code,
            "detail": error.body[:DETAIL_CHARACTERS],
            "instance": getattr(self.request, "path", ""),  # it may not have got so far
        }
        body = json.dumps(problem).encode()
        self.status = f"{error.code} {error.reason}"
        self.response_headers += [
            ("Content-Type", "application/problem+json"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):  # type: ignore[misc]
    """A connection that knows since when its present request has been arriving."""

    task_class = _Task
    error_task_class = _RefusalTask
    request: Any
    _arriving: object = None
    _since = 0.0
    came = 0.0
    """When the last of it came: from then on its caller waits for paod."""

    def received(self, data: bytes) -> bool:
        self.came = time.monotonic()
        accepted = bool(super().received(data))
        if self.request is not self._arriving:
            self._arriving, self._since = self.request, time.monotonic()
        return accepted

    def handle_close(self) -> None:
        """Let go of what had come of a request that will never be whole."""
        if self.request is not None:
            self.request.close()
        super().handle_close()

    def has_dripped(self, now: float, allowed: float) -> bool:
        """Whether its request has been arriving for longer than it is allowed."""
        return self._arriving is not None and now - self._since > allowed

    def is_busy(self) -> bool:
        """Whether a request is arriving or being answered, or an answer is being sent."""
        return bool(self.request or self.requests or self.total_outbufs_len)


class ApiServer:
    """Serves an application on a listening socket until it is told to stop."""

    def __init__(
        self,
        application: Application,
        listener: socket.socket,
        trusted_proxy: str | None,
        *,
        arrival: float = ARRIVAL_SECONDS,
        spool: int = SPOOL_BYTES,
        other_bytes: int = OTHER_BYTES,
        on_stop: Callable[[], None] = _do_nothing,
        on_turn: Callable[[], object] = _do_nothing,
    ) -> None:
        """``trusted_proxy``: the address whose X-Forwarded-* are believed, None: nobody's.

        ``arrival``: seconds that a request may take to arrive, head and body. ``spool``: bytes of
        all large bodies together; ``other_bytes``: of one that is no delivery. ``on_stop`` is
        called once, from a signal handler: answers that wait for something shall wait no longer.
        ``on_turn`` is called once a second or more often.
        """
        allow_connections(CONNECTIONS + 100)
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        self._map: dict[int, Any] = {}
        self._arrival = arrival
        self._on_stop = on_stop
        self._on_turn = on_turn
        self._next_look = 0.0
        self._stopping = False
        self._server = create_server(
            application,
            map=self._map,
            sockets=[listener],
            _dispatcher=Lanes(),
            **_limits(listener, trusted_proxy),
        )
        self.spool = Spool(spool, other_bytes)
        self._server.channel_class = _channels_with(partial(Parser, spool=self.spool))

    def stop(self, *_: object) -> None:
        """Accept nothing more and end when the answers under way are sent. A signal handler.

        A second signal may come while the first is dealt with, in whose middle ``on_stop`` holds a
        lock that it would wait for without end.
        """
        if self._stopping:
            return
        self._stopping = True
        self._on_stop()
        self._server.pull_trigger()

    def run(self) -> None:
        """Serve until ``stop``, then for at most some seconds until all is answered."""
        while not self._stopping:
            self._on_turn()
            self._turn(1.0)
            self._close_dripping()
        self._server.accepting = False
        self._server.del_channel()
        self._server.socket.close()
        self._turn(0.0)
        end = time.monotonic() + LEAVING_SECONDS
        while self._close_idle() and time.monotonic() < end:
            self._turn(0.05)

    def _turn(self, seconds: float) -> None:
        wasyncore.loop(timeout=seconds, use_poll=True, map=self._map, count=1)

    def _close_dripping(self) -> None:
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + LOOK_SECONDS
        for channel in self._channels():
            if channel.has_dripped(now, self._arrival):
                channel.will_close = True

    def _close_idle(self) -> bool:
        """Close connections that owe nothing; return whether any are left."""
        for channel in self._channels():
            if not channel.is_busy():
                with contextlib.suppress(OSError):
                    channel.handle_close()
        return bool(self._channels())

    def _channels(self) -> list[_Channel]:
        return list(self._server.active_channels.values())


def _channels_with(parser: Callable[[Any], Parser]) -> type[_Channel]:
    """Return connections that receive their requests by ``parser``."""

    class Channel(_Channel):
        parser_class = parser

    return Channel


def serve_until_told(server: ApiServer) -> int:
    """Serve until SIGTERM; return the exit status."""
    signal.signal(signal.SIGTERM, server.stop)
    server.run()
    return 0


def _limits(listener: socket.socket, trusted_proxy: str | None) -> dict[str, Any]:
    limits: dict[str, Any] = {
        "connection_limit": CONNECTIONS,
        "max_request_body_size": BODY_BYTES + 1,  # waitress refuses what reaches it
        "max_request_header_size": HEADER_BYTES,
        "inbuf_overflow": MEMORY_BYTES,
        "channel_request_lookahead": 0,
        "channel_timeout": IDLE_SECONDS,
        "cleanup_interval": CLEANUP_SECONDS,
        "expose_tracebacks": False,
        "ident": None,
        "log_socket_errors": False,
        "clear_untrusted_proxy_headers": True,
    }
    if trusted_proxy:
        on_unix = listener.family == socket.AF_UNIX
        limits["trusted_proxy"] = UNIX_PEER if on_unix else trusted_proxy
        limits["trusted_proxy_headers"] = PROXY_HEADERS
    return limits
