"""The API worker's server, asked over real sockets: what it keeps, refuses and finishes."""

import contextlib
import http.client
import json
import logging
import socket
import threading
import time

import pytest

from paod.daemon.lanes import ADMIN, HEALTH, READERS, THREADS, WEBHOOKS, lane_of
from paod.daemon.listener import close_listener, open_listener
from paod.daemon.server import BODY_BYTES, HEADER_BYTES, ApiServer

HOOK = "/api/v1/webhooks/github"


class Gate:
    """Where requests of a path stay until it is opened."""

    def __init__(self):
        self.arrived = threading.Semaphore(0)
        self.open = threading.Event()


GATES = {}


def application(environ, start_response):
    """Answer 304, fail, dawdle, or tell what the server made of the request."""
    path = environ["PATH_INFO"]
    if path == "/unchanged":
        start_response("304 Not Modified", [("ETag", '"x"')])
        return []
    if path == "/fails":
        raise RuntimeError("a secret in a traceback")
    if path == "/slow":
        time.sleep(0.5)
    if (gate := GATES.get(path)) is not None:
        gate.arrived.release()
        gate.open.wait(10)
    size = len(environ["wsgi.input"].read())
    headers = {key: value for key, value in environ.items() if key.startswith("HTTP_X_")}
    body = f"{size} {environ['REMOTE_ADDR']} {sorted(headers.items())}".encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]


class Running:
    """A server in a thread of this process."""

    def __init__(self, address="127.0.0.1:0", trusted_proxy=None, **limits):
        self.listener = open_listener(address)
        self.server = ApiServer(application, self.listener, trusted_proxy, **limits)
        self.thread = threading.Thread(target=self.server.run, daemon=True)
        self.thread.start()

    @property
    def port(self):
        return self.listener.getsockname()[1]

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)

    def get(self, path, headers=None):
        with contextlib.closing(self.connect()) as connection:
            connection.request("GET", path, headers=headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(), dict(answer.getheaders())

    def raw(self, data, seconds=10):
        """Send bytes and return all that comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as client:
            client.sendall(data)
            with contextlib.suppress(ConnectionResetError):
                return b"".join(iter(lambda: client.recv(65536), b""))
            return b""

    def stop(self):
        self.server.stop()
        self.thread.join(10)


@pytest.fixture
def running():
    server = Running()
    yield server
    server.stop()


def test_a_304_keeps_the_connection(running):
    with contextlib.closing(running.connect()) as connection:
        for _ in range(3):
            connection.request("GET", "/unchanged")
            answer = connection.getresponse()
            answer.read()
            assert answer.status == 304
            assert answer.getheader("Connection") is None
            assert connection.sock is not None
        connection.request("GET", "/")
        assert connection.getresponse().status == 200


@pytest.mark.parametrize(
    "head", [b"GET /unchanged HTTP/1.1\r\nHost: x\r\nConnection: close", b"GET /unchanged HTTP/1.0"]
)
def test_a_304_closes_for_who_asks_for_it(running, head):
    answer = running.raw(head + b"\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 304", b"HTTP/1.0 304"))
    assert b"Connection: close" in answer


def test_no_traceback_and_no_name_of_the_server(running, caplog):
    caplog.set_level(logging.CRITICAL)
    status, body, headers = running.get("/fails")
    assert status == 500
    assert "secret" not in body
    assert "Server" not in headers
    assert "Server" not in running.get("/")[2]


def test_bodies_up_to_the_limit_are_read_and_larger_ones_refused_unread(running):
    def head(size):
        return (
            f"POST {HOOK} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            f"Content-Length: {size}\r\n\r\n"
        )

    full = running.raw(head(BODY_BYTES).encode() + b"x" * BODY_BYTES)
    assert full.startswith(b"HTTP/1.1 200")
    assert running.raw(head(BODY_BYTES + 1).encode()).startswith(b"HTTP/1.1 413")


def refusal(answer):
    """Return the problem details of a whole answer, as it came over the wire."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"Content-Type: application/problem+json" in head
    return json.loads(body)


def test_what_never_reaches_the_application_is_refused_in_its_form(running):
    head = f"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: {BODY_BYTES + 1}\r\n\r\n"
    large = refusal(running.raw(head.encode()))
    assert (large["status"], large["instance"]) == (413, "/a")
    endless = b"GET / HTTP/1.1\r\nX: ".ljust(HEADER_BYTES, b"x")
    assert refusal(running.raw(endless))["status"] == 431
    crooked = refusal(running.raw(b"GET / HTTP/1.1\r\n" + b"x" * 9000 + b"\r\n\r\n"))
    assert (crooked["type"], crooked["status"]) == ("about:blank", 400)
    assert set(crooked) == {"type", "title", "status", "detail", "instance"}
    assert len(crooked["detail"]) <= 200


def test_an_endless_chunked_body_is_refused(running):
    chunk = b"%x\r\n%s\r\n" % (2**20, b"x" * 2**20)
    with socket.create_connection(("127.0.0.1", running.port), timeout=10) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for _ in range(40):
                client.sendall(chunk)
        with contextlib.suppress(ConnectionResetError):
            assert client.recv(20).startswith(b"HTTP/1.1 413")


def test_headers_have_a_limit(running):
    assert running.get("/", {"X-Long": "x" * (HEADER_BYTES - 1000)})[0] == 200
    assert running.get("/", {"X-Long": "x" * HEADER_BYTES})[0] == 431


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +5\r\n\r\n", b"400"),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n", b"501"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n", b"400"),
    ],
    ids=["two lengths", "signed length", "unknown coding", "TLS"],
)
def test_crooked_requests_are_refused(running, head, status):
    assert running.raw(head).split(b" ")[1] == status


FORWARDED = {
    "X-Forwarded-For": "203.0.113.7",
    "X-Forwarded-Proto": "https",
    "X-Request-Id": "from-the-proxy",
}


def test_a_stranger_s_forwarding_is_cleared(running):
    assert running.get("/", FORWARDED)[1] == "0 127.0.0.1 []"


@pytest.mark.parametrize(
    ("proxy", "seen"), [("127.0.0.1", "203.0.113.7"), ("192.0.2.1", "127.0.0.1")]
)
def test_the_trusted_proxy_alone_is_believed(proxy, seen):
    server = Running(trusted_proxy=proxy)
    told = server.get("/", FORWARDED)[1]
    assert told.split()[1] == seen
    assert ("from-the-proxy" in told) == (seen == "203.0.113.7")
    server.stop()


@pytest.mark.parametrize(
    ("said", "seen"),
    [
        ("x" * 58_000, "127.0.0.1"),
        ("unknown", "127.0.0.1"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[2001:DB8::0:1]:443", "2001:db8::1"),
        ("198.51.100.1, 203.0.113.7", "203.0.113.7"),
    ],
)
def test_a_proxy_names_an_address_or_is_the_caller(said, seen):
    server = Running(trusted_proxy="127.0.0.1")
    assert server.get("/", {"X-Forwarded-For": said})[1].split()[1] == seen
    server.stop()


def test_a_unix_socket_s_peer_is_the_proxy(tmp_path):
    server = Running(f"unix:{tmp_path}/s", trusted_proxy="127.0.0.1")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(f"{tmp_path}/s")
        client.sendall(
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
            b"X-Forwarded-For: 203.0.113.7\r\n\r\n"
        )
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert b"0 203.0.113.7" in answer
    server.stop()


def test_a_second_signal_in_the_middle_of_the_first_does_nothing():
    calls = []

    def on_stop():
        calls.append(1)
        server.server.stop()

    server = Running(on_stop=on_stop)
    server.stop()
    assert calls == [1]


def test_who_drips_loses_the_connection_and_nobody_else_does():
    server = Running(arrival=1.0)
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as dripping:
        began = time.monotonic()
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            while time.monotonic() - began < 8:
                dripping.sendall(b"G")
                time.sleep(0.1)
        assert time.monotonic() - began < 6
    with contextlib.closing(server.connect()) as idle:
        idle.request("GET", "/")
        idle.getresponse().read()
        time.sleep(2.5)
        idle.request("GET", "/")
        assert idle.getresponse().status == 200
    server.stop()


def test_stopping_finishes_the_answers_under_way_and_takes_no_more(running):
    with (
        contextlib.closing(running.connect()) as busy,
        contextlib.closing(running.connect()) as idle,
    ):
        idle.request("GET", "/")
        idle.getresponse().read()
        busy.request("GET", "/slow")
        time.sleep(0.2)
        running.server.stop()
        assert busy.getresponse().read().startswith(b"0 ")
    running.thread.join(3)
    assert not running.thread.is_alive()
    close_listener(running.listener)


def test_a_client_that_does_not_read_cannot_hold_the_end_up(running):
    with socket.create_connection(("127.0.0.1", running.port)) as client:
        client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf")
        time.sleep(0.2)
        began = time.monotonic()
        running.stop()
        assert not running.thread.is_alive()
        assert time.monotonic() - began < 4.5


@pytest.mark.parametrize(
    ("path", "lane"),
    [
        ("/livez", HEALTH),
        ("/metrics", HEALTH),
        ("/api/v1/health", HEALTH),
        (HOOK, WEBHOOKS),
        ("/api/v1/admin/catalog/sync", ADMIN),
        ("/api/v1/catalog/items", READERS),
        ("/api/v1/webhooks", READERS),
        ("/nowhere", READERS),
        ("", READERS),
    ],
)
def test_a_request_takes_the_lane_of_its_path(path, lane):
    assert lane_of(path) == lane


@pytest.mark.parametrize(
    "full", [(HOOK, WEBHOOKS), ("/api/v1/admin/x", ADMIN), ("/api/v1/catalog/items", READERS)]
)
def test_a_full_lane_keeps_nobody_else_waiting(running, full):
    path, lane = full
    gate = GATES[path] = Gate()
    others = {"/livez": HEALTH, HOOK + "x": WEBHOOKS, "/api/v1/admin/y": ADMIN, "/x": READERS}
    try:
        clients = [threading.Thread(target=running.get, args=(path,)) for _ in range(40)]
        for client in clients:
            client.start()
        for _ in range(THREADS[lane]):
            assert gate.arrived.acquire(timeout=10)
        for other, taken in others.items():
            if taken != lane:
                assert running.get(other)[0] == 200
        assert not gate.arrived.acquire(blocking=False), "its lane has no more threads"
    finally:
        gate.open.set()
        for client in clients:
            client.join(10)
        del GATES[path]
    assert running.get(path)[0] == 200


MIB = 1024 * 1024


def test_large_bodies_are_bounded_over_all_connections():
    server = Running(spool=4 * MIB)
    large = (
        f"POST {HOOK} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {8 * MIB}\r\n\r\n"
    ).encode()
    with contextlib.ExitStack() as stack:
        unfinished = [
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=10))
            for _ in range(12)
        ]
        for client in unfinished:
            with contextlib.suppress(OSError):
                client.sendall(large + b"x" * MIB)
        answered = b"".join(_told(client) for client in unfinished[4:])
        assert b" 503 Service Unavailable" in answered
        assert server.server.spool.used() <= 4 * MIB + 300_000
        with contextlib.closing(server.connect()) as small:
            small.request("POST", HOOK, body=b"x" * 60_000)
            assert small.getresponse().status == 200, "what is small always fits"
    _until(lambda: server.server.spool.used() == 0)
    full = large.replace(str(8 * MIB).encode(), str(3 * MIB).encode()) + b"x" * 3 * MIB
    assert server.raw(full).startswith(b"HTTP/1.1 200")
    _until(lambda: server.server.spool.used() == 0)
    server.stop()


def _told(client):
    """Return what a connection was told when it was refused; b"" if it is kept."""
    client.settimeout(0.5)
    try:
        return client.recv(65536)
    except (TimeoutError, ConnectionResetError):
        return b""


def _until(true):
    end = time.monotonic() + 10
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_only_deliveries_may_be_large(running):
    head = f"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: {MIB + 1}\r\n\r\n"
    assert running.raw(head.encode()).startswith(b"HTTP/1.1 413")
    chunked = b"POST /x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\n"
    assert running.raw(chunked + b"x" * (MIB + 1)).startswith(b"HTTP/1.1 413")
