"""A Git server on loopback: ``git http-backend`` behind a small HTTP server, with faults to order.

with GitServer(folder, token="…") as server:
    server.fault = Fault("stall", on="pack", at=100)
    … server.url("origin.git") … server.seen …
"""

from __future__ import annotations

import base64
import os
import select
import shutil
import socket
import ssl
import struct
import subprocess
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Literal

_GIT_BACKEND = "http-backend"


@dataclass(frozen=True)
class Fault:
    """What goes wrong. ``on``: at the list of heads, at the pack, or at both; ``at``: body byte.

    status, redirect and body replace the answer; the others spoil it from the byte ``at`` on:
    stall (until the server ends), drip (a byte each ``pause`` seconds), cut, reset, flip (one
    byte). With ``once`` the next answer is good again. ``after_login``: only where credentials
    came along.
    """

    kind: Literal["status", "redirect", "body", "stall", "drip", "cut", "reset", "flip"]
    on: Literal["heads", "pack", "both"] = "both"
    at: int = 0
    pause: float = 0.05
    status: int = 200
    location: str = ""
    body: bytes = b""
    content_type: str = "text/html"
    once: bool = False
    after_login: bool = False


@dataclass(frozen=True)
class Seen:
    """One request as it came."""

    method: str
    path: str
    authorization: str | None


@dataclass
class GitServer:
    """Serves every repository in ``folder`` until the block ends; with ``token`` only to it."""

    folder: Path
    token: str | None = None
    username: str = "x-access-token"
    challenge: bool = True
    certificate: tuple[Path, Path] | None = None
    fault: Fault | None = None
    renamed: dict[str, str] = field(default_factory=dict)
    """Former names of repositories, each with the one that is redirected to."""
    seen: list[Seen] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> GitServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, port: int = 0) -> None:
        """Answer at a port from now on; it may be that of a server that was stopped."""
        self.ended.clear()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.daemon_threads = True
        self._server.git = self
        if self.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*self.certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        """Answer no more: whoever connects is refused."""
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, repository: str = "origin.git", host: str = "127.0.0.1") -> str:
        scheme = "https" if self.certificate else "http"
        return f"{scheme}://{host}:{self.port}/{repository}"

    def logins(self) -> list[str]:
        """Every Authorization header that came, in order."""
        return [seen.authorization for seen in self.seen if seen.authorization]

    def admits(self, authorization: str | None) -> bool:
        if self.token is None:
            return True
        login = base64.b64encode(f"{self.username}:{self.token}".encode()).decode()
        return authorization == f"Basic {login}"

    def take_fault(self, what: str, logged_in: bool) -> Fault | None:
        fault = self.fault
        if fault is None or fault.on not in (what, "both") or (fault.after_login and not logged_in):
            return None
        if fault.once:
            self.fault = None
        return fault


class _QuietServer(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that break off are what these tests are about."""


class _Server(_QuietServer):
    git: GitServer


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        self._answer(self._body())

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _answer(self, body: bytes) -> None:
        git = self.server.git
        authorization = self.headers.get("Authorization")
        git.seen.append(Seen(self.command, self.path, authorization))
        what = "heads" if self.path.partition("?")[0].endswith("/info/refs") else "pack"
        fault = git.take_fault(what, authorization is not None)
        if fault is not None and fault.kind in ("status", "redirect", "body"):
            return self._replace(fault)
        if not git.admits(authorization):
            return self._refuse()
        former, _, rest = self.path.lstrip("/").partition("/")
        if former in git.renamed:
            location = f"/{git.renamed[former]}/{rest}"
            return self._replace(Fault("redirect", status=301, location=location))
        status, headers, content = self._run_git(body)
        self._start(status, [*headers, ("Content-Length", str(len(content)))])
        return self._send(content, fault)

    def _replace(self, fault: Fault) -> None:
        status = {"status": fault.status, "redirect": fault.status, "body": 200}[fault.kind]
        location = fault.location
        if location.endswith("*"):
            location = location[:-1] + self.path
        headers = [("Location", location)] if location else []
        headers += [("Content-Type", fault.content_type), ("Content-Length", str(len(fault.body)))]
        self._start(status, headers)
        self.wfile.write(fault.body)

    def _refuse(self) -> None:
        challenge = [("WWW-Authenticate", 'Basic realm="git"')] if self.server.git.challenge else []
        self._start(401, [*challenge, ("Content-Length", "0")])

    def _start(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def _run_git(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        path, _, query = self.path.partition("?")
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.server.git.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "HOME": "/nonexistent",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
        }
        git = shutil.which("git") or "git"
        done = subprocess.run(
            [git, _GIT_BACKEND], input=body, env=environment, capture_output=True, timeout=60
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode("latin-1").split("\r\n") if line]
        headers = [(name, value) for name, _, value in lines]
        status = next((int(value[:3]) for name, value in headers if name == "Status"), 200)
        return status, [pair for pair in headers if pair[0] != "Status"], content

    def _send(self, content: bytes, fault: Fault | None) -> None:
        if fault is None:
            self.wfile.write(content)
            return
        if fault.kind == "flip" and content:
            at = fault.at % len(content)
            self.wfile.write(content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :])
            return
        self.wfile.write(content[: fault.at])
        self.wfile.flush()
        self.close_connection = True
        if fault.kind == "stall":
            self.server.git.ended.wait(60)
        elif fault.kind == "drip":
            self._drip(content[fault.at :], fault.pause)
        elif fault.kind == "reset":
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()

    def _drip(self, content: bytes, pause: float) -> None:
        for byte in content:
            self.wfile.write(bytes([byte]))
            if self.server.git.ended.wait(pause):
                return


class Proxy:
    """A proxy on loopback that knows CONNECT, with a password or without."""

    def __init__(self, password: str | None = None) -> None:
        self.password = password
        self.seen: list[Seen] = []

    def __enter__(self) -> Proxy:
        proxy = self

        class Handler(_Tunnel):
            owner = proxy

        self._server = _QuietServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/"

    def logins(self) -> list[str]:
        return [seen.authorization for seen in self.seen if seen.authorization]


class _Tunnel(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    owner: Proxy

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_CONNECT(self) -> None:
        login = self.headers.get("Proxy-Authorization")
        self.owner.seen.append(Seen("CONNECT", self.path, login))
        if self.owner.password is not None:
            expected = base64.b64encode(f"user:{self.owner.password}".encode()).decode()
            if login != f"Basic {expected}":
                self.send_response(407)
                self.send_header("Proxy-Authenticate", 'Basic realm="proxy"')
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
        host, _, port = self.path.rpartition(":")
        with socket.create_connection((host, int(port)), 10) as there:
            self.send_response(200)
            self.end_headers()
            self._pass_on(there)
        self.close_connection = True

    def _pass_on(self, there: socket.socket) -> None:
        ends = {self.connection: there, there: self.connection}
        while True:
            ready, _, _ = select.select(list(ends), [], [], 10)
            if not ready:
                return
            for end in ready:
                data = end.recv(65536)
                if not data:
                    return
                ends[end].sendall(data)
