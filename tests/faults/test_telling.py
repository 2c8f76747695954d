"""What a running daemon tells others, though it crashes or receivers hang: once, and no secret."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.origin import Origin
from tests.receiver import Receiver, Reply
from tests.remote import GitServer
from tests.running import Running, item

CANARIES = {
    "PAO_REPO_TOKEN": "canary-repo-token",
    "PAO_COMMIT_STATUS_TOKEN": "canary-status-token",
    "PAO_ALERT_SECRET": "canary-alert-secret",
}
BAD = item("second").replace("type: string", "type: strng")
Serve = Callable[..., Running]


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    (tmp_path / "org").mkdir()
    with Origin(tmp_path / "org", name="catalog.git") as origin:
        origin.write("catalog/things/first.yaml", item("first")).commit("Begin")
        yield origin


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as one:
        yield one


@pytest.fixture
def serve(tmp_path: Path, origin: Origin, receiver: Receiver) -> Iterator[Serve]:
    started: list[Running] = []
    with GitServer(tmp_path, token=CANARIES["PAO_REPO_TOKEN"]) as git:

        def start(**extra: str) -> Running:
            told = {
                "PAO_ALERT_URL": receiver.url("/canary-alert-path"),
                "PAO_ALERT_CHANGES": "true",
                "PAO_PUBLIC_URL": "https://paod.example.com",
                "PAO_LOG_LEVEL": "debug",
            }
            settings = CANARIES | told | extra
            started.append(Running(tmp_path / "state", git.url("org/catalog.git"), **settings))
            return started[-1]

        yield start
        for served in started:
            served.kill()


def test_authors_and_operators_hear_of_a_push_and_nobody_of_a_secret(
    serve: Serve, origin: Origin, receiver: Receiver, tmp_path: Path
) -> None:
    with Receiver() as github:
        served = serve(PAO_COMMIT_STATUS=github.url("/api/v3"))
        first = github.wait_for(1)[0]
        assert first.path == f"/api/v3/repos/org/catalog/statuses/{origin.head}"
        assert first.headers["authorization"] == "Bearer canary-status-token"
        assert first.json == {
            "state": "success",
            "description": "catalog: 1 added, 0 updated, 0 removed",
            "context": "paod/catalog",
            "target_url": "https://paod.example.com/api/v1/health",
        }
        origin.write("catalog/things/second.yaml", BAD).commit("Break it")
        served.sync()
        second = github.wait_for(2)[1]
        assert second.path.endswith(origin.head)
        explained = "https://paod.example.com/api/v1/problem-codes/unknown-type"
        assert second.json["target_url"] == explained
        assert (second.json["state"], second.json["description"]) == (
            "failure",
            "1 error, first catalog/things/second.yaml:8 unknown-type (paod explain unknown-type); "
            "catalog unchanged",
        )
        alerts = [got.json["alert"] for got in receiver.wait_for(2)]
        assert alerts == ["catalog-changed", "problems-new"]
        origin.remove("catalog/things/second.yaml").commit("Mend it")
        served.sync()
        github.wait_for(3)
        assert receiver.wait_for(3)[2].json["alert"] == "problems-cleared"
        answers = str([served.status(), served.syncs(), served.get("/api/v1/health")])
        served.stop()
    told = b"".join(got.body for got in [*github.got, *receiver.got]).decode()
    rows = (tmp_path / "state" / "paod.db").read_bytes().decode("latin-1")
    seen = {"told": told, "rows": rows, "log": "\n".join(served.log), "answers": answers}
    assert [place for place, text in seen.items() if "canary" in text] == []


@pytest.mark.parametrize("place", ["before_commit", "after_commit"])
def test_killed_around_the_commit_it_tells_once(
    serve: Serve, receiver: Receiver, tmp_path: Path, place: str
) -> None:
    served = serve(PAOD_FAILPOINT=place, PAOD_FAILPOINT_ONCE=str(tmp_path / "once"))
    (got,) = receiver.wait_for(1)
    assert got.json["alert"] == "catalog-changed"
    served.wait_for(lambda: len(served.workers("sync")) == 2 and not served.status()["queued"])
    served.stop()
    assert len(receiver.got) == 1
    assert rows(tmp_path) == [("catalog-changed", "delivered", 1)]


def test_killed_after_it_was_told_it_tells_again_as_the_same(
    serve: Serve, receiver: Receiver, tmp_path: Path
) -> None:
    served = serve(PAOD_FAILPOINT="message_sent", PAOD_FAILPOINT_ONCE=str(tmp_path / "once"))
    served.wait_for(lambda: len(served.workers("sync")) == 2)
    assert rows(tmp_path) == [("catalog-changed", "waiting", 1)]
    change(tmp_path, "UPDATE outbox SET leased_until = '2000-01-01T00:00:00.000Z'")
    first, second = receiver.wait_for(2)
    assert first.json == second.json
    assert first.headers["x-paod-delivery"] == second.headers["x-paod-delivery"]


def test_a_receiver_that_hangs_holds_up_nothing(
    serve: Serve, origin: Origin, receiver: Receiver, tmp_path: Path
) -> None:
    receiver.replies += [Reply(kind="drip head"), Reply(kind="stall")]
    served = serve()
    receiver.wait_for(1)
    for number in range(3):
        origin.write(f"catalog/things/more-{number}.yaml", item(f"more-{number}")).commit("More")
        served.sync()
        served.wait_for(lambda: served.status()["head"]["commit_hash"] == origin.head)
    assert len(receiver.got) == 1, "it hangs on the first one still"
    status, seconds = served.stop()
    assert status == 0
    assert seconds < 5
    assert [row[1:] for row in rows(tmp_path)] == [("waiting", 1), *[("waiting", 0)] * 3]


def rows(folder: Path) -> list[tuple[str, str, int]]:
    """Return alert, status and attempts of what is in the outbox."""
    sql = "SELECT json_extract(payload, '$.alert'), status, attempts FROM outbox ORDER BY id"
    connection = sqlite3.connect(folder / "state" / "paod.db")
    found = connection.execute(sql).fetchall()
    connection.close()
    return found


def change(folder: Path, sql: str) -> None:
    connection = sqlite3.connect(folder / "state" / "paod.db")
    with connection:
        connection.execute(sql)
    connection.close()
