"""The outbox: nothing lost, nothing doubled, in order, by one sender at a time, and bounded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from paod.errors import StoreError
from paod.model import SyncRequest
from paod.store import Message, Outlets, Store, outbox
from tests.databases import on_each_database
from tests.store_tools import Clock, Syncs, empty_store, ended, item, result_of, running

pytestmark = on_each_database
ALL = Outlets(alerts=True, changes=True, statuses=True)
LEASE = 60.0


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    opened = empty_store(tmp_path, clock, ALL)
    yield opened
    opened.close()


def fail(store: Store, times: int = 3, commit: str | None = None) -> None:
    """Let syncs fail, so that an alert and (of a commit) a status are queued."""
    for _ in range(times):
        store.finish(
            running(store), ended("failed", "RemoteTimeout", "no answer", to_commit=commit)
        )


def recover(store: Store, commit: str | None = None) -> None:
    store.finish(running(store), ended(to_commit=commit))


def claimed(store: Store, kind: str = "alert") -> Message:
    message = store.claim_message(kind, LEASE)  # type: ignore[arg-type]
    assert message is not None
    return message


def told(store: Store, kind: str = "alert") -> list[str]:
    """Deliver everything that is due; return the alerts' names, or the statuses' states."""
    found = []
    while (message := store.claim_message(kind, LEASE)) is not None:  # type: ignore[arg-type]
        store.settle_message(message, "delivered")
        found.append(message.facts.get("alert") or message.facts["state"])
    return found


def test_what_was_not_written_is_not_told(store: Store) -> None:
    syncs = Syncs(store)
    late = syncs.planned({"catalog/x/late.yaml": item("late")})
    syncs.sync({"catalog/x/a.yaml": item("a")})
    assert told(store) == ["catalog-changed"]
    with pytest.raises(StoreError, match="has moved"):
        store.apply(running(store), late, result_of(late, None), commit="x", basis="b")
    assert told(store) == []


def test_a_message_belongs_to_one_sender_until_its_lease_ends(store: Store, clock: Clock) -> None:
    fail(store)
    first = claimed(store)
    assert store.claim_message("alert", LEASE) is None
    clock.turn(seconds=LEASE)
    second = claimed(store)
    assert (second.id, second.delivery_id, second.attempts) == (first.id, first.delivery_id, 2)
    store.settle_message(first, "delivered")
    store.retry_message(first, 5, "late")
    assert store.outbox_counts() == {}, "it is not the first one's any more"
    store.settle_message(second, "delivered")
    assert store.outbox_counts() == {("alert", "delivered"): 1}
    assert store.outbox_waiting() == {}


def test_ten_processes_take_each_message_once(tmp_path: Path, clock: Clock) -> None:
    store = empty_store(tmp_path, clock, Outlets(statuses=True))
    for number in range(30):
        store.finish(running(store), ended(to_commit=f"{number:040x}"))
    store.close()
    start, start_for_writing = os.pipe()
    out, out_for_writing = os.pipe()
    children = []
    for _ in range(10):
        child = os.fork()
        if not child:
            os.close(start_for_writing)
            os.read(start, 1)
            own = empty_store(tmp_path, clock, ALL)
            while (message := own.claim_message("status", LEASE)) is not None:
                os.write(out_for_writing, f"{message.id}\n".encode())
            os._exit(0)
        children.append(child)
    os.close(start_for_writing)
    os.close(out_for_writing)
    with os.fdopen(out) as lines:
        taken = sorted(int(line) for line in lines)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * 10
    assert taken == list(range(1, 31))


def test_alerts_keep_their_order_while_the_first_one_waits(store: Store, clock: Clock) -> None:
    fail(store)
    recover(store)
    message = claimed(store)
    store.retry_message(message, 30, "HTTP 503")
    assert store.claim_message("alert", LEASE) is None
    clock.turn(seconds=30)
    assert told(store) == ["sync-failed", "recovered"]
    assert store.outbox_counts() == {("alert", "retried"): 1, ("alert", "delivered"): 2}


def test_a_newer_status_stands_for_those_that_wait(store: Store, clock: Clock) -> None:
    fail(store, 1, commit="a" * 40)
    fail(store, 1, commit="b" * 40)
    recover(store, commit="a" * 40)
    assert store.outbox_waiting() == {"status": 2}
    assert sorted(told(store, "status")) == ["error", "success"]
    assert store.outbox_counts()["status", "superseded"] == 1


def test_a_status_that_is_being_sent_goes_before_the_newer_one(store: Store) -> None:
    fail(store, 1, commit="a" * 40)
    being_sent = claimed(store, "status")
    recover(store, commit="a" * 40)
    assert store.claim_message("status", LEASE) is None
    store.settle_message(being_sent, "delivered")
    assert told(store, "status") == ["success"]


def test_a_status_is_not_told_again_while_nothing_is_new(store: Store) -> None:
    commit = f"{1:040x}"
    syncs = Syncs(store)
    syncs.sync({"catalog/x/a.yaml": item("a")})
    recover(store, commit=commit)
    assert told(store, "status") == ["success"]
    recover(store, commit=commit)
    assert told(store, "status") == []
    fail(store, 2, commit=commit)
    assert told(store, "status") == ["error"]
    recover(store, commit=commit)
    assert told(store, "status") == ["success"]


def test_only_so_many_wait_and_the_oldest_goes(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "MOST_WAITING", 5)
    for number in range(7):
        with store.database.atomic():
            store._queue_message("alert", "alert", {"alert": str(number)}, None)
    assert store.outbox_waiting() == {"alert": 5}
    assert store.outbox_counts() == {("alert", "dropped"): 2}
    assert claimed(store).facts["alert"] == "2"


def test_what_could_not_be_told_for_a_day_is_told_no_more(store: Store, clock: Clock) -> None:
    fail(store)
    clock.turn(hours=23)
    recover(store)
    clock.turn(hours=2)
    assert told(store) == ["recovered"]
    assert store.outbox_counts()["alert", "expired"] == 1


def test_old_messages_go_and_their_counts_stay(store: Store, clock: Clock) -> None:
    fail(store)
    assert told(store) == ["sync-failed"]
    clock.turn(days=91)
    assert store.prune(90)["outbox"] == 1
    assert store.outbox_counts() == {("alert", "delivered"): 1}


def test_nothing_is_queued_that_nobody_wants(tmp_path: Path) -> None:
    store = empty_store(tmp_path)
    fail(store)
    Syncs(store).sync({"catalog/x/a.yaml": item("a")})
    assert store.outbox_waiting() == {}
    assert store.database.query("SELECT * FROM told_troubles") == []
    store.close()


def test_a_dry_run_tells_nothing(store: Store) -> None:
    dry = SyncRequest("manual", dry_run=True)
    store.finish(running(store, dry), ended("blocked", "MassRemoval", to_commit="a" * 40))
    assert store.outbox_waiting() == {}
