"""A receiver on loopback of what paod tells others: notes each request, answers as it is told to.

with Receiver() as receiver:
    receiver.replies += [Reply(503), Reply(kind="drip body")]   # then 200 for ever
    … receiver.url("/hook") … receiver.wait_for(2) …
"""

from __future__ import annotations

import hashlib
import hmac
import json
import ssl
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, Literal

from tests.remote import _QuietServer

PATIENCE = 20.0


def signature(secret: str, body: bytes) -> str:
    """Return what a receiver expects in X-Hub-Signature-256."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


@dataclass(frozen=True)
class Reply:
    """One answer. The drips send a byte now and then until the receiver ends; so waits a stall."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    kind: Literal["whole", "stall", "cut", "drip head", "drip body"] = "whole"


@dataclass(frozen=True)
class Got:
    """One request as it came; header names in lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Receiver:
    """Listens until the block ends. ``got``: the requests so far, oldest first."""

    certificate: tuple[Path, Path] | None = None
    replies: list[Reply] = field(default_factory=list)
    got: list[Got] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)
    news: threading.Condition = field(default_factory=threading.Condition)

    def __enter__(self) -> Receiver:
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.receiver = self
        if self.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """Return an address of this receiver."""
        return f"{'https' if self.certificate else 'http'}://{host}:{self.port}{path}"

    def wait_for(self, count: int) -> list[Got]:
        """Wait until so many requests have come."""
        with self.news:
            came = self.news.wait_for(lambda: len(self.got) >= count, PATIENCE)
        assert came, f"{len(self.got)} requests in {PATIENCE} s: {self.got}"
        return list(self.got)

    def take(self, got: Got) -> Reply:
        """Note a request; return what to answer."""
        with self.news:
            self.got.append(got)
            self.news.notify_all()
            return self.replies.pop(0) if self.replies else Reply()


class _Server(_QuietServer):
    receiver: Receiver


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        got = Got(self.command, self.path, headers, self.rfile.read(length))
        self._answer(self.server.receiver.take(got))

    do_GET = do_CONNECT = do_POST  # noqa: N815 (names that http.server asks for)

    def _answer(self, reply: Reply) -> None:
        if reply.kind == "stall":
            self.server.receiver.ended.wait(PATIENCE)
        elif reply.kind == "drip head":
            self.send_response(reply.status)
            self.flush_headers()
            self._drip(b"X-Drip: ")
        elif reply.kind != "cut":
            self._send(reply)
        if reply.kind != "whole":
            self.close_connection = True

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.kind == "drip body":
            self.end_headers()  # without a length: until the connection ends
            self._drip(b"")
            return
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def _drip(self, first: bytes) -> None:
        end = time.monotonic() + PATIENCE
        self.wfile.write(first)
        while time.monotonic() < end and not self.server.receiver.ended.wait(0.02):
            self.wfile.write(b"x")
