"""The doctor's tries over HTTP: a ping through what stands before paod, a status for no commit."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from waitress.server import create_server

from paod.config import Settings, load
from paod.daemon import open_store
from paod.doctor.database import look
from paod.doctor.outside import NOWHERE, statuses, way_in
from paod.store import Delivery
from tests.receiver import Receiver, Reply
from tests.served import SECRET, URL, Served

TOKEN = "ghp_canary0000000000000000000000000000"


def settings_in(folder: Path, **given: str) -> Settings:
    folder.mkdir(exist_ok=True)
    base = {"PAO_REPO_URL": URL, "PAO_STATE_DIR": str(folder), "PAO_WEBHOOK_SECRET": SECRET}
    return load(base | given)


@pytest.fixture(name="daemon")
def _daemon(tmp_path: Path) -> Iterator[tuple[Served, str]]:
    served = Served(tmp_path)
    server = create_server(served.app, host="127.0.0.1", port=0, threads=1)
    thread = threading.Thread(target=server.run)
    thread.start()
    yield served, f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(10)
    served.store.close()


def test_a_ping_reaches_the_daemon_and_counts_for_no_delivery_of_the_hosts(
    daemon: tuple[Served, str], tmp_path: Path
) -> None:
    served, url = daemon
    settings = settings_in(tmp_path / "state", PAO_PUBLIC_URL=url)
    for _ in range(2):
        found = way_in(settings)
        assert found.state == "good", found
        assert f"to {url.removeprefix('http://')}/api/v1/webhooks/github reached" in found.message
    [event] = served.store.events(None, 5).rows
    assert (event["delivery_id"], event["status"]) == ("paod-doctor", "pong")


def test_another_secret_is_told(daemon: tuple[Served, str], tmp_path: Path) -> None:
    settings = settings_in(
        tmp_path / "state", PAO_PUBLIC_URL=daemon[1], PAO_WEBHOOK_SECRET="another-long-secret-1"
    )
    found = way_in(settings)
    assert (found.state, "another PAO_WEBHOOK_SECRET" in found.hint) == ("warning", True)


@pytest.mark.parametrize(
    ("reply", "told", "hint"),
    [
        (Reply(301, {"Location": "https://new.example.com/x?k=1"}), "new.example.com/x", "final"),
        (Reply(401), "HTTP 401", "asks for a login"),
        (Reply(404, body=b"<html>nginx"), "HTTP 404", "passes /api/v1/webhooks/"),
        (Reply(405), "HTTP 405", "pass POST"),
        (Reply(413), "HTTP 413", "limit of bodies"),
        (Reply(502), "HTTP 502", "paod is not"),
        (Reply(200, body=b"<html>please log in"), "HTTP 200", "no answer of paod's"),
        (Reply(kind="cut"), "broke off", "no HTTP is spoken"),
    ],
)
def test_what_stands_in_the_way_is_named(
    tmp_path: Path, reply: Reply, told: str, hint: str
) -> None:
    with Receiver(replies=[reply]) as receiver:
        found = way_in(settings_in(tmp_path, PAO_PUBLIC_URL=receiver.url("")))
    assert found.state == "warning"
    assert told in found.message
    assert "k=1" not in found.message
    assert hint in found.hint
    assert len(receiver.got[0].body) > 1024 * 1024


@pytest.mark.parametrize(
    ("url", "hint"),
    [("http://paod.invalid", "name in the address"), ("http://127.0.0.1:9", "start `paod serve`")],
)
def test_where_nobody_answers_it_says_so(tmp_path: Path, url: str, hint: str) -> None:
    found = way_in(settings_in(tmp_path, PAO_PUBLIC_URL=url))
    assert (found.state, hint in found.hint) == ("warning", True), found


def status_of(folder: Path, *replies: Reply) -> tuple[str, str, str, Receiver]:
    with Receiver(replies=list(replies)) as receiver:
        found = statuses(
            settings_in(
                folder,
                PAO_COMMIT_STATUS=receiver.url("/api/v1"),
                PAO_COMMIT_STATUS_TOKEN=TOKEN,
            )
        )
    assert TOKEN not in found.message + found.hint
    return found.state, found.message, found.hint, receiver


def told_by(status: int, message: str, **headers: str) -> Reply:
    return Reply(
        status,
        {name.replace("_", "-"): value for name, value in headers.items()},
        json.dumps({"message": message}).encode(),
    )


def test_who_may_set_a_status_is_told_that_there_is_no_such_commit(tmp_path: Path) -> None:
    state, _, _, receiver = status_of(tmp_path, told_by(422, f"No commit found for SHA: {NOWHERE}"))
    assert state == "good"
    [sent] = receiver.got
    assert sent.path == f"/api/v1/repos/org/pao-repository/statuses/{NOWHERE}"
    assert sent.headers["authorization"] == f"Bearer {TOKEN}"


def test_a_gitea_that_fails_on_a_commit_that_is_not_there_is_asked_otherwise(
    tmp_path: Path,
) -> None:
    replies = (told_by(500, "object does not exist"), told_by(422, "[]: cannot unmarshal number"))
    state, _, _, receiver = status_of(tmp_path, *replies)
    assert state == "good"
    assert [sent.json["state"] for sent in receiver.got] == ["error", 0]


@pytest.mark.parametrize(
    ("reply", "told", "hint"),
    [
        (
            told_by(
                403,
                "Resource not accessible by personal access token",
                X_Accepted_GitHub_Permissions="statuses=write",
            ),
            "it asks for statuses=write",
            "Commit statuses, read and write",
        ),
        (
            told_by(403, "token does not have at least one of required scope(s)"),
            "required scope(s)",
            "write:repository",
        ),
        (told_by(401, "Bad credentials"), "Bad credentials", "token is not valid"),
        (told_by(404, "Not Found"), "HTTP 404", "may not see it"),
        (Reply(200, body=b"<html>"), "HTTP 200", "address of the API"),
        (Reply(301, {"Location": "https://new.example.com/"}), "HTTP 301", "another address"),
    ],
)
def test_the_right_that_is_missing_is_named(
    tmp_path: Path, reply: Reply, told: str, hint: str
) -> None:
    state, message, remedy, _ = status_of(tmp_path, reply)
    assert state == "bad"
    assert told in message
    assert hint in remedy


def test_a_host_that_is_ill_is_not_a_right_that_is_missing(tmp_path: Path) -> None:
    state, message, _, _ = status_of(tmp_path, Reply(503), Reply(503))
    assert (state, "HTTP 503" in message) == ("warning", True)


def test_what_is_not_set_is_not_tried(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    assert {statuses(settings).state, way_in(settings).state} == {"skipped"}


def test_the_doctors_own_ping_is_no_webhook_that_came(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    store = open_store(settings)
    store.migrate()
    store.receive(Delivery("paod-doctor", "ping", "pong"), None)
    store.close()
    assert look(settings, datetime.now(UTC)).deliveries == ()
