"""Requests that paod makes to others over HTTP: bounded in time and size, and never led elsewhere.

Everything that leaves over HTTP, but for Git's own transport, leaves here. A receiver may be slow,
broken or hostile: a request has a time for connecting, one for each wait and one for all of it
(kept by ending the connection, for who drips bytes never lets a single wait run out), an answer has
a size, redirects are not followed, and TLS is verified. A request's URL may be a secret itself, so
no error names more of it than host and port.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from types import TracebackType
from urllib.parse import unquote, urlsplit

import urllib3
from urllib3 import exceptions
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from paod import __version__
from paod.errors import RequestFailed, SettingsError

ANSWER_BYTES = 65_536
"""Of an answer's body that are read; what comes after them is not."""
_OURS = {"User-Agent": f"paod/{__version__}", "Accept-Encoding": "identity"}
LONGEST_REST = 3600.0
"""Seconds that a receiver may ask to be left alone, at most."""


logging.getLogger("urllib3").setLevel(logging.CRITICAL)  # its lines quote URLs


@dataclass(frozen=True, slots=True)
class Way:
    """How requests leave.

    ``ca_file``: authorities that are trusted besides the system's. ``proxy``: ``http://`` or
    ``https://``, with user and password if need be; the environment's proxies are not looked at.
    Seconds: ``connect`` for each address of a host, ``read`` for each wait, ``whole`` for all
    together, kept from when a connection stands.
    """

    ca_file: Path | None = None
    proxy: str | None = field(default=None, repr=False)
    connect: float = 5.0
    read: float = 10.0
    whole: float = 20.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a receiver answered, whatever its status. ``headers``: names in lower case.

    ``rest``: seconds for which it asked to be left alone, else 0.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    rest: float

    @property
    def accepted(self) -> bool:
        """Whether the request was taken."""
        return 200 <= self.status < 300

    @property
    def redirects(self) -> bool:
        """Whether it says that what was asked for is elsewhere."""
        return 300 <= self.status < 400


def send(
    method: str, url: str, way: Way, headers: Mapping[str, str], body: bytes | None = None
) -> Answer:
    """Make one request, once; raise ``RequestFailed`` when no whole answer came in time."""
    place = urlsplit(url).netloc.rpartition("@")[2]
    deadline = _Deadline(way.whole)
    watching = _DEADLINE.set(deadline)
    try:
        with deadline:
            return _exchange(method, url, way, headers, body)
    except (exceptions.HTTPError, OSError, ValueError) as error:
        failure = _failure(error, place, late=deadline.passed)
    finally:
        _DEADLINE.reset(watching)
    raise failure  # without its cause, which quotes the URL


def _exchange(
    method: str, url: str, way: Way, headers: Mapping[str, str], body: bytes | None
) -> Answer:
    manager = _manager(way)
    try:
        response = manager.request(
            method,
            url,
            body=body,
            headers={**_OURS, **_credentials(url, "Authorization"), **headers},
            timeout=urllib3.Timeout(connect=way.connect, read=way.read),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            data = response.read(ANSWER_BYTES, decode_content=False)
        finally:
            response.close()
    finally:
        manager.clear()
    _DEADLINE.get().check()  # a connection that was ended looks like the end of an answer
    found = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status, found, data, _rest(found, time.time()))


def _manager(way: Way) -> urllib3.PoolManager:
    context = ssl.create_default_context()
    if way.ca_file is not None:
        try:
            context.load_verify_locations(way.ca_file)
        except OSError as error:
            raise SettingsError(
                f"the certificates in {way.ca_file} cannot be used: {error.strerror}",
                "PAO_REPO_CA_FILE names a PEM file of certificates",
            ) from error
    manager = (
        urllib3.PoolManager(ssl_context=context)
        if way.proxy is None
        else urllib3.ProxyManager(
            way.proxy,
            ssl_context=context,
            proxy_ssl_context=context,
            proxy_headers=_credentials(way.proxy, "Proxy-Authorization"),
        )
    )
    manager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}
    return manager


def _credentials(url: str, header: str) -> Mapping[str, str]:
    """Return the header for the user and password in a URL, which the library passes over."""
    parts = urlsplit(url)
    if parts.username is None:
        return {}
    pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
    return {header: urllib3.make_headers(basic_auth=pair)["authorization"]}


class _Deadline:
    """Ends the connections of one request when its whole time is over, in whatever they are."""

    def __init__(self, seconds: float) -> None:
        self.passed = False
        self._guard = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._pass)
        self._timer.daemon = True

    def __enter__(self) -> None:
        self._timer.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        with self._guard:
            for one in self._sockets:
                one.close()
            self._sockets.clear()

    def watch(self, connection: socket.socket) -> None:
        """Keep a second handle of a connection: TLS takes the first one away."""
        with self._guard:
            self._sockets.append(connection.dup())
        self.check()

    def check(self) -> None:
        """Raise ``TimeoutError`` when the time is over."""
        if self.passed:
            raise TimeoutError

    def _pass(self) -> None:
        with self._guard:
            self.passed = True
            for one in self._sockets:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)


_DEADLINE: ContextVar[_Deadline] = ContextVar("deadline")


class _Watched:
    """Tells the deadline of each connection that is made."""

    def _new_conn(self) -> socket.socket:
        connection: socket.socket = super()._new_conn()  # type: ignore[misc]
        _DEADLINE.get().watch(connection)
        return connection


class _Plain(_Watched, HTTPConnection):
    pass


class _Tls(_Watched, HTTPSConnection):
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _Plain


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _Tls


def _failure(error: Exception, place: str, *, late: bool) -> RequestFailed:
    """Say what happened in words of our own: those of the library quote the URL."""
    if isinstance(error, exceptions.NameResolutionError):
        return RequestFailed(f"the host of {place} is not known", reason="HostUnknown")
    if isinstance(error, exceptions.NewConnectionError):
        return RequestFailed(f"{place} took no connection", reason="ConnectionRefused")
    if late or isinstance(error, (exceptions.TimeoutError, TimeoutError)):
        return RequestFailed(f"{place} did not answer in time", reason="Timeout")
    if isinstance(error, exceptions.ProxyError):
        return RequestFailed(
            f"the proxy did not lead to {place}",
            "look at the proxy's address",
            reason="ProxyRefused",
        )
    if isinstance(error, exceptions.SSLError):
        return RequestFailed(
            f"the certificate of {place} was not accepted{_verdict(error)}",
            "PAO_REPO_CA_FILE names the certificates of a private authority",
            reason="TlsFailed",
        )
    return RequestFailed(f"{place} broke off or answered with no HTTP", reason="ProtocolError")


def _verdict(error: exceptions.SSLError) -> str:
    """Return what OpenSSL said of a certificate."""
    said = [one for one in error.args if isinstance(one, ssl.SSLCertVerificationError)]
    return f": {said[0].verify_message}" if said else ""


def _rest(headers: Mapping[str, str], now: float) -> float:
    """Return the seconds that the receiver asked for: ``Retry-After``, or GitHub's own header."""
    after = headers.get("retry-after", "").strip()
    seconds = 0.0
    if after.isascii() and after.isdecimal():
        seconds = float(after[:9])
    elif after:
        with suppress(ValueError):
            seconds = parsedate_to_datetime(after).timestamp() - now
    elif headers.get("x-ratelimit-remaining") == "0":
        reset = headers.get("x-ratelimit-reset", "")
        seconds = float(reset[:12]) - now if reset.isascii() and reset.isdecimal() else 0.0
    return min(max(seconds, 0.0), LONGEST_REST)
