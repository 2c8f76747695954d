"""Reads a second, against "hello" from a Falcon app on waitress asked by the same client."""

from __future__ import annotations

import argparse
import multiprocessing
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.made import repository
from benchmarks.served import TOKEN, free_port, serve

HELLO = """
import sys, falcon, waitress
class Hello:
    def on_get(self, req, resp):
        resp.text = "hello"
app = falcon.App()
app.add_route("/hello", Hello())
waitress.serve(app, listen="127.0.0.1:" + sys.argv[1], threads=8, _quiet=True)
"""


def main() -> None:
    """Print requests a second and the share of "hello" for each kind of read."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--clients", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serve(folder, repository(folder, given.files)) as served:
            base = hello(given)
            print(f"reads a second, {given.files} files, {given.clients} clients, one API worker:")
            print(f"  {'hello (Falcon on waitress)':38} {base:8.0f}")
            for title, path, header in kinds(served.port):
                found = rate(served.port, path, header, given)
                print(f"  {title:38} {found:8.0f}  {found / base:.2f} of hello")


def kinds(port: int) -> list[tuple[str, str, str]]:
    """Return what is asked for: title, path, further header."""
    items = "/api/v1/catalog/items"
    return [
        ("list of 50", f"{items}?limit=50", ""),
        ("list of 50, one owner", f"{items}?limit=50&owner=team-07", ""),
        ("one item", f"{items}/made-00042", ""),
        ("one item, not modified", f"{items}/made-00042", f"If-None-Match: {etag(port)}\r\n"),
    ]


def etag(port: int) -> str:
    """Return the entity tag of one item as it is now."""
    head = ask(port, request("/api/v1/catalog/items/made-00042"))
    lines = [line for line in head.split(b"\r\n") if line.lower().startswith(b"etag:")]
    return lines[0].split(b":", 1)[1].strip().decode()


def ask(port: int, message: bytes) -> bytes:
    """Ask once and return the answer's head."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(message)
        return read_answer(connection)


def request(path: str, header: str = "") -> bytes:
    """Return one HTTP request as bytes."""
    lines = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n{header}"
    return f"{lines}\r\n".encode()


def read_answer(connection: socket.socket) -> bytes:
    """Read one answer to its end and return its head."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += received(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:") and b" 304 " not in head[:16]:
            left = int(line.split(b":")[1]) - len(body)
            while left > 0:
                left -= len(received(connection))
    return head


def received(connection: socket.socket) -> bytes:
    """Receive some bytes; an ended connection is an error of the benchmark."""
    data = connection.recv(65536)
    if not data:
        raise ConnectionError("the server closed the connection")
    return data


def rate(port: int, path: str, header: str, given: argparse.Namespace) -> float:
    """Return the requests a second that all clients together had answered."""
    with multiprocessing.Pool(given.clients) as pool:
        work = [(port, path, header, given.seconds)] * given.clients
        return sum(pool.starmap(client, work))


def client(port: int, path: str, header: str, seconds: float) -> float:
    """Ask over one connection until the time is up, opening it anew where it was closed."""
    message = request(path, header)
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        try:
            connection.sendall(message)
            read_answer(connection)
            count += 1
        except ConnectionError:
            connection.close()
            connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.close()
    return count / (time.perf_counter() - started)


def hello(given: argparse.Namespace) -> float:
    """Return what a Falcon app on waitress answers with "hello" to the same clients."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-c", HELLO, str(port)])
    try:
        time.sleep(1.5)
        return rate(port, "/hello", "", given)
    finally:
        process.terminate()
        process.wait(timeout=10)


if __name__ == "__main__":
    main()
