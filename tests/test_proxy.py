"""A real daemon behind a real nginx and a real Caddy, by the configurations that are shipped."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import os
import re
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.origin import Origin
from tests.programs import found, program
from tests.running import ROOT, TOKEN, Running, item, pasted

NGINX = found("nginx")
CADDY = found("caddy")
HOST = "catalog.example.com"
SECRET = "webhook-secret-behind-a-proxy"
STRANGER = "127.0.0.2"
ATTACKERS = 200
WEBHOOK = "/api/v1/webhooks/github"
SYNC = "/api/v1/admin/catalog/sync"
MAIN = """\
daemon off;
{user}
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    {temporary}
    include {folder}/paod.conf;
}}
"""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def replaced(text: str, *pairs: tuple[str, str]) -> str:
    for old, new in pairs:
        assert text.count(old) >= 1, old
        text = text.replace(old, new)
    return text


class Proxied:
    """paod, and a proxy before it; a subclass for each starts its own, by the shipped file."""

    def __init__(self, folder: Path, origin: Origin) -> None:
        self.folder = folder
        self.tls = free_port()
        self.paod = Running(
            folder / "state",
            origin.url,
            PAO_TRUSTED_PROXY="127.0.0.1",
            PAO_WEBHOOK_SECRET=SECRET,
            PAO_LOG_LEVEL="debug",
        )
        self.process = self.start()
        self.paod.wait_for(self._answers)
        self.paod.wait_for_names("one")

    def start(self) -> subprocess.Popen[bytes]:
        """Start the proxy; its certificate's authority is the file ``authority``."""
        raise NotImplementedError

    @property
    def authority(self) -> Path:
        raise NotImplementedError

    def _answers(self) -> bool:
        with contextlib.suppress(OSError):
            return self.ask("GET", "/livez").status == 200
        return False

    def connect(self, source: str = STRANGER) -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=str(self.authority))
        plain = socket.create_connection(("127.0.0.1", self.tls), 20, source_address=(source, 0))
        return context.wrap_socket(plain, server_hostname=HOST)

    def ask(self, method: str, path: str, **more: object) -> http.client.HTTPResponse:
        """Return an answer; its ``body`` is what was read of it."""
        connection = http.client.HTTPSConnection(HOST, timeout=20)
        connection.sock = self.connect()
        with contextlib.closing(connection):
            connection.request(method, path, **more)
            answer = connection.getresponse()
            answer.body = answer.read()
            return answer

    def upstream(self) -> int:
        """Return how many connections paod has accepted that are not closed."""
        port = f":{self.paod.port:04X}"
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        fields = [line.split() for line in lines]
        return sum(one[1].endswith(port) and one[3] == "01" for one in fields)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.paod.kill()


class Nginx(Proxied):
    program = NGINX

    def start(self) -> subprocess.Popen[bytes]:
        self.plain = free_port()
        script = replaced(
            pasted("## In front of it"),
            ("/etc/ssl/", f"{self.folder}/"),
            ("/etc/nginx/conf.d/", f"{self.folder}/"),
            ("nginx -t && systemctl reload nginx\n", ""),
        )
        subprocess.run(["bash", "-euc", script], cwd=ROOT, check=True, capture_output=True)
        self._configure()
        command = f"{NGINX} -p {self.folder} -c {self.folder}/nginx.conf"
        return subprocess.Popen(command.split(), stderr=subprocess.DEVNULL)

    def _configure(self) -> None:
        site = replaced(
            (self.folder / "paod.conf").read_text(),
            ("listen 80;", f"listen 127.0.0.1:{self.plain};"),
            ("listen 443 ssl;", f"listen 127.0.0.1:{self.tls} ssl;"),
            ("127.0.0.1:8080", f"127.0.0.1:{self.paod.port}"),
            ("/etc/ssl/", f"{self.folder}/"),
            ("/var/log/nginx", str(self.folder)),
        )
        (self.folder / "paod.conf").write_text(site)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        main = MAIN.format(
            folder=self.folder,
            user="user root;" if os.geteuid() == 0 else "",
            temporary=" ".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in kinds),
        )
        (self.folder / "nginx.conf").write_text(main)

    @property
    def authority(self) -> Path:
        return self.folder / HOST / "fullchain.pem"

    @property
    def access_log(self) -> str:
        return (self.folder / "paod.log").read_text()


class Caddy(Proxied):
    program = CADDY

    def start(self) -> subprocess.Popen[bytes]:
        """Start it with an authority of its own, on one port, and with nobody to administer it."""
        text = replaced(
            caddyfile(),
            ("127.0.0.1:8080", f"127.0.0.1:{self.paod.port}"),
            (f"{HOST} {{", f"https://{HOST}:{self.tls} {{\n\ttls internal"),
            ("{\n\tservers", "{\n\tadmin off\n\tskip_install_trust\n\tservers"),
            ("\tservers {", "\tauto_https disable_redirects\n\tservers {"),
        )
        (self.folder / "Caddyfile").write_text(text)
        command = f"{CADDY} run --adapter caddyfile --config {self.folder}/Caddyfile"
        environment = {"HOME": str(self.folder), "PATH": os.environ["PATH"]}
        return subprocess.Popen(command.split(), env=environment, stderr=subprocess.DEVNULL)

    @property
    def authority(self) -> Path:
        return self.folder / ".local/share/caddy/pki/authorities/local/root.crt"


def caddyfile() -> str:
    """Return the shipped file as this version of Caddy wants it, which the file itself tells."""
    text = (ROOT / "config" / "Caddyfile").read_text()
    told = subprocess.run([str(CADDY), "version"], capture_output=True, text=True, check=True)
    version = tuple(map(int, re.findall(r"\d+", told.stdout)[:3]))
    if version < (2, 6, 3):
        text = replaced(text, ("request_buffers 25MiB\n", "buffer_requests\n"))
    return text


def started(kind: type[Nginx] | type[Caddy], folder: Path) -> Iterator[Proxied]:
    program(kind.__name__.lower())
    with Origin(folder) as origin:
        origin.write("catalog/a/one.yaml", item("one")).commit("first")
        made = kind(folder, origin)
        yield made
        made.stop()


@pytest.fixture(scope="module")
def nginx(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    yield from started(Nginx, tmp_path_factory.mktemp("nginx"))


@pytest.fixture(scope="module")
def caddy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxied]:
    yield from started(Caddy, tmp_path_factory.mktemp("caddy"))


@pytest.fixture(params=["nginx", "caddy"])
def proxied(request: pytest.FixtureRequest) -> Proxied:
    found: Proxied = request.getfixturevalue(request.param)
    return found


def test_plain_http_is_sent_to_tls(nginx: Nginx) -> None:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", nginx.plain)) as connection:
        connection.request("GET", "/items/one?x=y", headers={"Host": HOST})
        answer = connection.getresponse()
        assert answer.status == 308
        assert answer.headers["Location"] == f"https://{HOST}/items/one?x=y"


def test_a7_paod_knows_the_caller_and_nobody_can_pretend(proxied: Proxied) -> None:
    pretended = {
        "Authorization": f"Bearer {TOKEN}",
        "X-Forwarded-For": "203.0.113.9",
        "X-Request-Id": "made-up",
        "Forwarded": "for=203.0.113.9",
    }
    answer = proxied.ask("GET", "/api/v1/catalog/items", headers=pretended)
    assert [one["name"] for one in json.loads(answer.body)["items"]] == ["one"]
    name = answer.headers["X-Request-Id"]
    assert re.fullmatch("[0-9a-f-]{32,36}", name)
    [line] = proxied.paod.wait_for(lambda: [one for one in list(proxied.paod.log) if name in one])
    assert f"source={STRANGER}" in line


def test_both_logs_and_the_refusal_have_one_id_and_no_query(nginx: Nginx) -> None:
    answer = nginx.ask("GET", "/api/v1/catalog/items?nonsense=secret-query")
    refused = json.loads(answer.body)
    assert refused["request_id"] == answer.headers["X-Request-Id"]
    nginx.paod.wait_for(lambda: refused["request_id"] in nginx.access_log)
    assert "secret-query" not in nginx.access_log


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        (SYNC, 1024 * 1024 + 1, 413),
        (SYNC, 1024, 401),
        (WEBHOOK, 25 * 1024 * 1024 + 1, 413),
    ],
)
def test_bodies_have_limits(nginx: Nginx, path: str, size: int, status: int) -> None:
    """What is too large is refused by its length, before a byte of it is read."""
    with nginx.connect() as client:
        head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: {size}\r\n\r\n"
        client.sendall(head.encode() + (b"x" * size if status != 413 else b""))
        assert client.recv(64).startswith(f"HTTP/1.1 {status}".encode())


def test_caddy_passes_no_larger_body_on(caddy: Caddy) -> None:
    """Older versions answer 502 where newer ones say 413."""
    answer = caddy.ask("POST", SYNC, body=b"x" * (1024 * 1024 + 1))
    assert answer.status in (413, 502)
    assert answer.headers["X-Request-Id"] is None, "paod was not asked"


def test_a_large_delivery_passes(proxied: Proxied) -> None:
    body = json.dumps({"zen": "x" * 2_000_000, "hook_id": 1}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "Content-Type": "application/json",
        "X-GitHub-Event": "ping",
        "X-GitHub-Delivery": "d-1",
        "X-Hub-Signature-256": f"sha256={signature}",
    }
    answer = proxied.ask("POST", WEBHOOK, body=body, headers=headers)
    assert (answer.status, json.loads(answer.body)["status"]) == (200, "pong")


def test_metrics_are_not_for_the_world(proxied: Proxied) -> None:
    assert proxied.ask("GET", "/metrics").status == 404
    assert proxied.ask("GET", "/metrics").headers["X-Request-Id"] is None, "paod was not asked"


def test_f16_two_hundred_who_drip_keep_nobody_waiting(proxied: Proxied) -> None:
    """Half of them drip headers and half a body, all at once; paod sees none of it."""
    head = f"POST {WEBHOOK} HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 1000\r\n"
    attackers = [proxied.connect("127.0.0.3") for _ in range(ATTACKERS)]
    try:
        for number, one in enumerate(attackers):
            one.sendall(head.encode() + (b"\r\n" if number % 2 else b""))
        slowest = 0.0
        for _ in range(20):
            for one in attackers[::3]:
                with contextlib.suppress(OSError):
                    one.sendall(b"x")
            began = time.monotonic()
            assert proxied.ask("GET", "/readyz").status == 200
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < 5
        assert proxied.upstream() <= 16
    finally:
        for one in attackers:
            one.close()


def test_caddy_likes_the_layout_of_its_file() -> None:
    command = [program("caddy"), "fmt", str(ROOT / "config" / "Caddyfile")]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout == (ROOT / "config" / "Caddyfile").read_text()
