"""The API behind its real server, over sockets: what a test client in the process cannot show."""

import json
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPResponse

import pytest

from paod.daemon.server import ApiServer
from tests.databases import on_each_database
from tests.served import ADMIN, POSTGRES, URL, Served, item, signed

pytestmark = on_each_database

TOKEN = {"Authorization": f"Bearer {ADMIN}"}
CHUNKED = {"Transfer-Encoding": "chunked"}
WEBHOOK = "/api/v1/webhooks/github"

Connect = Callable[[], HTTPConnection]


@pytest.fixture(name="connect", scope="module")
def _connect(tmp_path_factory, each_database):
    """Return what connects to a server of this module's own."""
    served = Served(tmp_path_factory.mktemp("served"))
    served.push({POSTGRES: item()})
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = ApiServer(served.app, listener, None)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield lambda: HTTPConnection("127.0.0.1", port, timeout=60)
    server.stop()
    thread.join()
    served.store.close()


def ask(connection: HTTPConnection, path: str, headers: dict[str, str]) -> HTTPResponse:
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    answer.body = answer.read()
    return answer


def test_a_connection_outlives_an_unchanged_answer(connect: Connect):
    connection = connect()
    first = ask(connection, "/api/v1/catalog/items", TOKEN)
    assert json.loads(first.body)["items"][0]["name"] == "postgres-database"
    kept = connection.sock
    headers = TOKEN | {"If-None-Match": first.headers["ETag"]}
    for _ in range(3):
        assert ask(connection, "/api/v1/catalog/items", headers).status == 304
    assert connection.sock is kept
    connection.close()


def test_w5_a_chunked_push_is_read_and_an_endless_one_is_not(connect: Connect):
    body = json.dumps({"ref": "refs/heads/main", "repository": {"clone_url": URL}}).encode()
    headers = CHUNKED | {
        "X-Hub-Signature-256": signed(body),
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": "1",
    }
    connection = connect()
    connection.request("POST", WEBHOOK, iter([body[:9], body[9:]]), headers, encode_chunked=True)
    assert json.loads(connection.getresponse().read())["status"] == "accepted"
    connection.close()
    with socket.create_connection((connection.host, connection.port), timeout=30) as client:
        client.sendall(b"POST %s HTTP/1.1\r\nHost: x\r\n" % WEBHOOK.encode())
        client.sendall(b"Transfer-Encoding: chunked\r\n\r\n")
        sent = 0
        try:
            while sent < 64:
                client.sendall(b"100000\r\n" + b"x" * 0x100000 + b"\r\n")
                sent += 1
        except OSError:
            pass
        assert sent < 32
    assert ask(connect(), "/livez", {}).status == 200


def test_those_who_wait_leave_threads_for_all_others(connect: Connect):
    path = "/api/v1/catalog/changes?since=1&wait=2"
    with ThreadPoolExecutor(40) as pool:
        waiting = [pool.submit(ask, connect(), path, TOKEN) for _ in range(40)]
        time.sleep(0.3)
        began = time.monotonic()
        assert ask(connect(), "/api/v1/catalog/items", TOKEN).status == 200
        assert time.monotonic() - began < 1
        ended_early = sum(one.done() for one in waiting)
        assert {one.result().status for one in waiting} == {200}
    assert ended_early >= 20


def test_large_headers_and_bad_requests_are_refused(connect: Connect):
    address = (connect().host, connect().port)
    for head in (b"GET / HTTP/1.1\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", b"\x16\x03\x01\r\n\r\n"):
        with socket.create_connection(address, timeout=30) as client:
            client.sendall(head)
            assert client.recv(100).split()[1] in (b"400", b"431")
