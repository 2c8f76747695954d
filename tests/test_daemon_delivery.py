"""Sending: what is delivered, refused or tried again, with a receiver that misbehaves."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from paod.config import Settings, load
from paod.daemon.delivery import (
    FIRST_PAUSE,
    LONGEST_PAUSE,
    MOST_ATTEMPTS,
    Sender,
    Senders,
    outlets_of,
    pause_after,
)
from paod.model import Counts
from paod.outgoing import Way
from paod.store import Outlets, Store
from tests.receiver import Receiver, Reply, signature
from tests.store_tools import Clock, empty_store, ended, running

COMMIT = "c" * 40
CANARIES = {
    "PAO_REPO_TOKEN": "canary-repo-token",
    "PAO_COMMIT_STATUS_TOKEN": "canary-status-token",
    "PAO_ALERT_SECRET": "canary-alert-secret",
    "PAO_WEBHOOK_SECRET": "canary-webhook-secret",
    "PAO_ADMIN_TOKEN": "canary-admin-token",
}
GITHUBS_BODY = {
    "type": "object",
    "required": ["state"],
    "additionalProperties": False,
    "properties": {
        "state": {"enum": ["error", "failure", "pending", "success"]},
        "target_url": {"type": "string", "pattern": "^https?://"},
        "description": {"type": "string", "maxLength": 140},
        "context": {"type": "string"},
    },
}
"""Of POST /repos/{owner}/{repo}/statuses/{sha}, as GitHub's REST reference describes it."""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


class Bench:
    """A store and the senders of its outlets, on a clock that is turned by hand."""

    def __init__(self, folder: Path, receiver: Receiver, **extra: str) -> None:
        self.clock = Clock()
        self.settings: Settings = load(
            {
                "PAO_REPO_URL": "https://git.example.com/org/pao-repository.git",
                "PAO_STATE_DIR": str(folder),
                "PAO_ALERT_URL": receiver.url("/hooks/canary-alert-path"),
                "PAO_COMMIT_STATUS": receiver.url("/api/v3"),
                "PAO_PUBLIC_URL": "https://paod.example.com/",
                **CANARIES,
                **extra,
            }
        )
        self.store: Store = empty_store(folder, self.clock, Outlets(alerts=True, statuses=True))
        way = Way(connect=2, read=2, whole=0.5)
        self.senders = {
            outlet.kind: Sender(
                self.store, replace(outlet, way=way), lambda _low, high: high, threading.Event()
            )
            for outlet in outlets_of(self.settings)
        }

    def queue_alert(self, message: str = "no answer") -> None:
        for _ in range(3):
            self.store.finish(running(self.store), ended("failed", "RemoteTimeout", message))

    def queue_status(self, **more: Any) -> None:
        self.store.finish(running(self.store), ended(to_commit=COMMIT, **more))

    def send(self, kind: str = "alert") -> bool:
        return self.senders[kind].send_one()  # type: ignore[index]

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        return dict(self.store.outbox_counts())


@pytest.fixture
def bench(tmp_path: Path, receiver: Receiver) -> Iterator[Bench]:
    one = Bench(tmp_path, receiver)
    yield one
    one.store.close()


def test_an_alert_arrives_signed_and_once(bench: Bench, receiver: Receiver) -> None:
    bench.queue_alert()
    assert bench.send()
    assert not bench.send()
    (got,) = receiver.got
    assert (got.method, got.path) == ("POST", "/hooks/canary-alert-path")
    expected = signature(CANARIES["PAO_ALERT_SECRET"], got.body)
    assert got.headers["x-hub-signature-256"] == expected
    assert got.json["alert"] == got.headers["x-paod-alert"] == "sync-failed"
    assert got.json["id"] == got.headers["x-paod-delivery"]
    assert got.json["link"] == "https://paod.example.com/api/v1/health"
    assert got.json["time"] == "2026-01-01T00:00:00.000Z"
    assert bench.counts == {("alert", "delivered"): 1}


def test_a_status_arrives_as_github_documents_it(bench: Bench, receiver: Receiver) -> None:
    receiver.replies.append(Reply(201))
    bench.queue_status(items=Counts(2, 1, 0), errors=3, warnings=1)
    assert bench.send("status")
    (got,) = receiver.got
    assert got.method == "POST"
    assert got.path == f"/api/v3/repos/org/pao-repository/statuses/{COMMIT}"
    assert got.headers["authorization"] == "Bearer canary-status-token"
    assert got.headers["accept"] == "application/vnd.github+json"
    assert got.headers["x-github-api-version"] == "2022-11-28"
    assert got.headers["content-type"] == "application/json"
    assert got.headers["user-agent"].startswith("paod/")
    jsonschema.validate(got.json, GITHUBS_BODY)
    assert got.json == {
        "state": "failure",
        "description": "3 errors and 1 warning; catalog: 2 added, 1 updated, 0 removed",
        "context": "paod/catalog",
        "target_url": "https://paod.example.com/api/v1/health",
    }


def test_the_repositorys_token_serves_for_statuses_too(tmp_path: Path, receiver: Receiver) -> None:
    bench = Bench(tmp_path, receiver, PAO_COMMIT_STATUS_TOKEN="")
    bench.queue_status()
    bench.send("status")
    assert receiver.got[0].headers["authorization"] == "Bearer canary-repo-token"
    bench.store.close()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(500),
        Reply(404),
        Reply(401),
        Reply(307, {"Location": "/elsewhere"}),
        Reply(kind="cut"),
        Reply(kind="stall"),
        Reply(kind="drip body"),
    ],
    ids=lambda reply: f"{reply.status} {reply.kind}",
)
def test_what_fails_is_tried_again_as_the_same_delivery(
    bench: Bench, receiver: Receiver, reply: Reply
) -> None:
    receiver.replies.append(reply)
    bench.queue_alert()
    assert bench.send()
    assert not bench.send()
    bench.clock.turn(seconds=FIRST_PAUSE)
    assert bench.send()
    first, second = receiver.got
    assert first.path == second.path
    assert first.headers["x-paod-delivery"] == second.headers["x-paod-delivery"]
    assert bench.counts == {("alert", "retried"): 1, ("alert", "delivered"): 1}


def test_a_receiver_is_left_alone_for_as_long_as_it_asks(bench: Bench, receiver: Receiver) -> None:
    receiver.replies.append(Reply(429, {"Retry-After": "600"}))
    bench.queue_alert()
    bench.send()
    bench.clock.turn(seconds=599)
    assert not bench.send()
    bench.clock.turn(seconds=1)
    assert bench.send()


@pytest.mark.parametrize("status", [400, 410, 413, 422])
def test_what_is_refused_for_good_is_given_up_and_the_next_one_goes(
    bench: Bench, receiver: Receiver, status: int, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.replies.append(Reply(status, body=b"canary-echo"))
    bench.queue_alert()
    bench.queue_status()
    with caplog.at_level(logging.DEBUG):
        assert bench.send()
    assert bench.send(), "the recovery that followed"
    assert bench.counts == {("alert", "refused"): 1, ("alert", "delivered"): 1}
    assert f"given up: it was refused with HTTP {status}" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_status_follows_a_renamed_repository_within_the_origin(
    bench: Bench, receiver: Receiver, status: int
) -> None:
    receiver.replies += [Reply(status, {"Location": "/api/v3/repositories/7/statuses/x"})]
    bench.queue_status()
    assert bench.send("status")
    first, second = receiver.got
    assert second.path == "/api/v3/repositories/7/statuses/x"
    assert (second.method, second.body) == ("POST", first.body)
    assert second.headers["authorization"] == first.headers["authorization"]
    assert bench.counts == {("status", "delivered"): 1}


@pytest.mark.parametrize(
    "location", ["https://elsewhere.example.com/x", "http://127.0.0.1:9/x", "http://[", "", "loop"]
)
def test_a_status_that_is_led_elsewhere_is_given_up_at_once(
    bench: Bench, receiver: Receiver, location: str, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.replies += [Reply(301, {"Location": location})] * 9
    bench.queue_status()
    assert bench.send("status")
    assert len(receiver.got) <= 4
    assert bench.counts == {("status", "refused"): 1}
    assert "set PAO_REPO_URL" in caplog.text


def test_a_refused_status_says_which_right_is_missing(
    bench: Bench, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    words = "token does not have at least one of required scope(s): [write:repository]\ncanary"
    body = json.dumps({"message": f"{words}-status-token", "url": "https://x"}).encode()
    receiver.replies.append(Reply(403, body=body))
    bench.queue_status()
    bench.send("status")
    assert "HTTP 403: 'token does not have at least one of required scope(s)" in caplog.text
    assert "Commit statuses, read and write" in caplog.text
    assert "canary" not in caplog.text


def test_what_is_tried_too_often_is_given_up(bench: Bench, receiver: Receiver) -> None:
    bench.queue_alert()
    with bench.store.database.atomic():
        bench.store.database.execute(f"UPDATE outbox SET attempts = {MOST_ATTEMPTS - 1}")
    receiver.replies.append(Reply(500))
    assert bench.send()
    assert bench.counts == {("alert", "expired"): 1}
    assert bench.store.outbox_waiting() == {}


def test_pauses_grow_to_a_bound() -> None:
    pauses = [
        pause_after(attempts, lambda _low, high: high) for attempts in range(1, MOST_ATTEMPTS)
    ]
    assert pauses[:4] == [5, 10, 20, 40]
    assert max(pauses) == LONGEST_PAUSE
    assert sum(pauses) > 20 * 3600, "the age ends it first"


def test_a_secret_whose_file_is_gone_is_waited_for(tmp_path: Path, receiver: Receiver) -> None:
    file = tmp_path / "alert-secret"
    file.write_text("a-secret-from-a-file", encoding="ascii")
    file.chmod(0o600)
    bench = Bench(tmp_path, receiver, PAO_ALERT_SECRET="", PAO_ALERT_SECRET_FILE=str(file))
    bench.queue_alert()
    file.unlink()
    assert bench.send()
    assert receiver.got == [], "unsigned it is not sent"
    file.write_text("the-rotated-secret", encoding="ascii")
    file.chmod(0o600)
    bench.clock.turn(seconds=FIRST_PAUSE)
    assert bench.send()
    (got,) = receiver.got
    assert got.headers["x-hub-signature-256"] == signature("the-rotated-secret", got.body)
    bench.store.close()


@pytest.mark.parametrize("form", ["json", "slack"])
def test_no_secret_leaves_or_is_kept(
    tmp_path: Path, receiver: Receiver, form: str, caplog: pytest.LogCaptureFixture
) -> None:
    """S1: whatever went wrong before, and whatever the receiver sends back."""
    echo = " ".join(CANARIES.values()).encode()
    bench = Bench(tmp_path, receiver, PAO_ALERT_FORMAT=form)
    receiver.replies += [Reply(500, body=echo), Reply(kind="cut"), Reply(302, body=echo)]
    with caplog.at_level(logging.DEBUG):
        bench.queue_alert(" ".join(["it said", *CANARIES.values()]))
        bench.queue_status(message=" ".join(CANARIES.values()))
        for _ in range(12):
            bench.send("alert")
            bench.send("status")
            bench.clock.turn(seconds=LONGEST_PAUSE)
    assert bench.counts["alert", "delivered"] == 2
    assert bench.counts["status", "delivered"] == 1
    bodies = b"".join(got.body for got in receiver.got).decode()
    rows = bench.store.database.query("SELECT last_error, stream, status FROM outbox")
    seen = {"bodies": bodies, "rows": json.dumps(rows), "log": caplog.text}
    assert {place: text for place, text in seen.items() if "canary" in text} == {}
    bench.store.close()


def test_a_stalled_receiver_holds_up_neither_syncs_nor_the_other_outlet(
    tmp_path: Path, receiver: Receiver
) -> None:
    with Receiver() as silent:
        silent.replies.append(Reply(kind="stall"))
        bench = Bench(tmp_path, receiver, PAO_ALERT_URL=silent.url("/"))
        senders = Senders(bench.store, outlets_of(bench.settings), lambda low, _high: low)
        senders.start()
        bench.queue_alert()
        silent.wait_for(1)
        bench.queue_status()  # while the alert hangs
        receiver.wait_for(1)
        senders.stop()
        bench.store.close()
