"""Requests to others: bounded whatever the receiver does, never led elsewhere, never quoted."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest

from paod.errors import RequestFailed, SettingsError
from paod.outgoing import ANSWER_BYTES, LONGEST_REST, Answer, Way, send
from tests.programs import program
from tests.receiver import Receiver, Reply

PLAIN = Way()
HASTY = Way(connect=2, read=2, whole=0.3)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


def post(url: str, way: Way = PLAIN) -> Answer:
    return send("POST", url, way, {"Content-Type": "application/json"}, b'{"a":1}')


def failure(url: str, way: Way = HASTY) -> RequestFailed:
    with pytest.raises(RequestFailed) as caught:
        post(url, way)
    assert caught.value.__cause__ is None
    return caught.value


def test_a_request_arrives_as_it_was_made_and_its_answer_comes_back(receiver: Receiver) -> None:
    receiver.replies.append(Reply(201, {"X-Request-Id": "r1"}, b"created"))
    answer = post(receiver.url("/hook?a=b"))
    assert (answer.status, answer.accepted, answer.body) == (201, True, b"created")
    assert answer.headers["x-request-id"] == "r1"
    (got,) = receiver.got
    assert (got.method, got.path, got.json) == ("POST", "/hook?a=b", {"a": 1})
    assert got.headers["user-agent"].startswith("paod/")
    assert got.headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_refusal_is_an_answer_too(receiver: Receiver, status: int) -> None:
    receiver.replies.append(Reply(status))
    answer = post(receiver.url())
    assert (answer.status, answer.accepted) == (status, False)


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_nothing_follows_a_redirect(receiver: Receiver, status: int) -> None:
    receiver.replies.append(Reply(status, {"Location": receiver.url("/elsewhere")}))
    assert not post(receiver.url("/hook")).accepted
    assert [got.path for got in receiver.got] == ["/hook"]


@pytest.mark.parametrize("kind", ["stall", "drip head", "drip body"])
def test_a_slow_receiver_costs_the_whole_time_and_no_more(receiver: Receiver, kind: str) -> None:
    receiver.replies.append(Reply(kind=kind))  # type: ignore[arg-type]
    began = time.monotonic()
    error = failure(receiver.url("/secret-path"))
    assert error.reason_given == "Timeout"
    assert time.monotonic() - began < 10  # it would drip for twenty seconds
    assert "secret-path" not in str(error)
    assert [one for one in threading.enumerate() if isinstance(one, threading.Timer)] == []


def test_a_wait_has_its_own_limit(receiver: Receiver) -> None:
    receiver.replies.append(Reply(kind="stall"))
    assert failure(receiver.url(), Way(read=0.2, whole=15)).reason_given == "Timeout"


def test_an_answer_is_read_so_far_and_no_further(receiver: Receiver) -> None:
    receiver.replies.append(Reply(200, {}, b"x" * (ANSWER_BYTES * 3)))
    assert len(post(receiver.url()).body) == ANSWER_BYTES


def test_what_is_compressed_unasked_is_not_unpacked(receiver: Receiver) -> None:
    receiver.replies.append(Reply(200, {"Content-Encoding": "gzip"}, b"no gzip at all"))
    assert post(receiver.url()).body == b"no gzip at all"


def test_who_breaks_off_or_is_not_there_is_told_apart(receiver: Receiver) -> None:
    receiver.replies.append(Reply(kind="cut"))
    assert failure(receiver.url("/secret-path")).reason_given == "ProtocolError"
    with Receiver() as gone:
        url = gone.url("/secret-path")
    refused = failure(url)
    assert refused.reason_given == "ConnectionRefused"
    assert "secret-path" not in str(refused)
    unknown = failure("https://no-such-host.invalid/secret-path")
    assert unknown.reason_given == "HostUnknown"
    assert "no-such-host.invalid" in str(unknown)
    assert "secret-path" not in str(unknown)


@pytest.mark.parametrize(
    ("headers", "least", "most"),
    [
        ({}, 0, 0),
        ({"Retry-After": "7"}, 7, 7),
        ({"Retry-After": "999999999"}, LONGEST_REST, LONGEST_REST),
        ({"Retry-After": "-5"}, 0, 0),
        ({"Retry-After": "soon"}, 0, 0),
        ({"Retry-After": format_datetime(datetime.now(UTC) + timedelta(days=9))}, 3600, 3600),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0, 0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "99999999999"}, 3600, 3600),
        ({"X-RateLimit-Remaining": "3", "X-RateLimit-Reset": "99999999999"}, 0, 0),
        ({"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "x"}, 0, 0),
    ],
)
def test_a_receiver_may_ask_to_be_left_alone(
    receiver: Receiver, headers: dict[str, str], least: float, most: float
) -> None:
    receiver.replies.append(Reply(503, headers))
    assert least <= post(receiver.url()).rest <= most


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("tls")
    pair = folder / "cert.pem", folder / "key.pem"
    command = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-out", str(pair[0]), "-keyout", str(pair[1])]
    subprocess.run(
        [program("openssl"), *command.split(), *named, *files], check=True, capture_output=True
    )
    return pair


def test_tls_is_verified(certificate: tuple[Path, Path], tmp_path: Path) -> None:
    with Receiver(certificate) as receiver:
        untrusted = failure(receiver.url("/secret-path", "localhost"), PLAIN)
        assert untrusted.reason_given == "TlsFailed"
        assert "self-signed" in str(untrusted)
        wrong_name = failure(receiver.url("/secret-path"), Way(ca_file=certificate[0]))
        assert wrong_name.reason_given == "TlsFailed"
        assert "secret-path" not in f"{untrusted} {wrong_name}"
        assert receiver.got == []
        assert post(receiver.url("/hook", "localhost"), Way(ca_file=certificate[0])).accepted


def test_a_drip_under_tls_ends_too(certificate: tuple[Path, Path]) -> None:
    with Receiver(certificate) as receiver:
        receiver.replies.append(Reply(kind="drip body"))
        way = Way(ca_file=certificate[0], whole=0.5)
        assert failure(receiver.url("/", "localhost"), way).reason_given == "Timeout"


def test_certificates_that_cannot_be_read_are_the_settings_fault(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("no certificate", encoding="ascii")
    for file in (bad, tmp_path / "none.pem"):
        with pytest.raises(SettingsError, match=r"PAO_REPO_CA_FILE|certificates"):
            post("https://localhost:1/", Way(ca_file=file))


def test_user_and_password_in_a_url_are_sent_and_not_shown(receiver: Receiver) -> None:
    url = receiver.url("/hook").replace("://", "://user:pass%20word@")
    assert post(url).accepted
    assert receiver.got[0].headers["authorization"] == "Basic dXNlcjpwYXNzIHdvcmQ="
    receiver.replies.append(Reply(kind="cut"))
    assert "word" not in str(failure(url))


def test_a_proxy_is_asked_with_its_password_and_the_environments_is_not(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    assert post(receiver.url()).accepted
    proxy = receiver.url("").replace("://", "://user:pass%20word@")
    assert post("http://example.com/hook", Way(proxy=proxy)).accepted
    assert receiver.got[-1].path == "http://example.com/hook"
    assert receiver.got[-1].headers["proxy-authorization"] == "Basic dXNlcjpwYXNzIHdvcmQ="
    receiver.replies.append(Reply(407))
    refused = failure("https://example.com/secret-path", Way(proxy=proxy))
    assert refused.reason_given == "ProxyRefused"
    assert "word" not in str(refused)
    assert receiver.got[-1].method == "CONNECT"
