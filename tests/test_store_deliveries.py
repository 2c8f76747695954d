"""Deliveries, problems of refused commits, crashes of the parser, and what is pruned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from paod.model import Problem, SyncRequest
from paod.store import Delivery, ProblemFilters, Received, Store
from paod.store.retention import STEP
from tests.databases import on_each_database
from tests.store_tools import Clock, Syncs, empty_store, ended, item, running

pytestmark = on_each_database

HOOK = SyncRequest("webhook", webhook={"ref": "refs/heads/main"})
PUSH = Delivery("d-1", "push", "accepted", commit="a" * 40, payload={"ref": "refs/heads/main"})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    store = empty_store(tmp_path, clock)
    yield store
    store.close()


def run(store: Store, status: str, reason: str = "Any") -> int:
    sync = store.claim()
    assert sync is not None
    store.finish(sync.id, ended(status, reason))
    return sync.id


def test_a_delivery_and_its_sync_are_stored_together(store: Store, clock: Clock) -> None:
    received = store.receive(PUSH, HOOK)
    assert received == Received(store.queue()[0]["sync_id"], duplicate=False)
    clock.turn(seconds=1)
    assert store.event("d-1") == {
        "delivery_id": "d-1",
        "event": "push",
        "status": "accepted",
        "reason": "",
        "commit_hash": "a" * 40,
        "payload": {"ref": "refs/heads/main"},
        "attempts": 1,
        "received_at": "2026-01-01T00:00:00.000Z",
        "last_received_at": "2026-01-01T00:00:00.000Z",
        "sync_id": received.sync_id,
        "sync": {"sync_id": received.sync_id, "status": "queued", "reason": ""},
    }
    assert store.event("d-2") is None


@pytest.mark.parametrize(
    ("ended_as", "again"),
    [
        (None, False),
        ("completed", False),
        ("failed", True),
        ("rejected", True),
        ("blocked", True),
    ],
)
def test_a_delivery_that_comes_again_starts_a_sync_only_if_the_first_went_wrong(
    store: Store, ended_as: str | None, again: bool
) -> None:
    first = store.receive(PUSH, HOOK)
    if ended_as is not None:
        run(store, ended_as)
    second = store.receive(PUSH, HOOK)
    assert second.duplicate is not again
    assert (second.sync_id != first.sync_id) is again
    assert len(store.queue()) == (0 if ended_as == "completed" else 1)
    event = store.event("d-1")
    assert event is not None
    assert event["attempts"] == 2


def test_a_running_sync_is_no_reason_for_another(store: Store) -> None:
    store.receive(PUSH, HOOK)
    store.claim()
    assert store.receive(PUSH, HOOK).duplicate


def test_the_sync_that_stood_for_it_counts(store: Store) -> None:
    first = store.receive(PUSH, HOOK)
    store.receive(Delivery("d-2", "push", "accepted"), HOOK)
    stood = run(store, "failed", "RemoteUnreachable")
    event = store.event("d-1")
    assert event is not None
    assert event["sync_id"] == first.sync_id
    assert event["sync"] == {"sync_id": stood, "status": "failed", "reason": "RemoteUnreachable"}
    assert not store.receive(PUSH, HOOK).duplicate


def test_a_delivery_that_asked_for_nothing_may_ask_when_it_comes_again(store: Store) -> None:
    ignored = Delivery("d-1", "push", "ignored", reason="another branch")
    assert store.receive(ignored, None) == Received(None, duplicate=False)
    assert store.receive(ignored, None) == Received(None, duplicate=True)
    assert not store.receive(PUSH, HOOK).duplicate
    event = store.event("d-1")
    assert event is not None
    assert (event["status"], event["attempts"]) == ("accepted", 3)


def test_what_became_of_the_commit_of_a_delivery(store: Store) -> None:
    store.receive(PUSH, HOOK)
    assert store.commit_state("a" * 40) == "pending"
    run(store, "failed")
    assert store.commit_state("a" * 40) == "failed"
    store.receive(PUSH, HOOK)
    run(store, "completed")
    assert store.commit_state("a" * 40) == "pending", "the branch did not show it yet"
    assert store.commit_state("f" * 40) is None


def went(store: Store, to_commit: str, **request: Any) -> None:
    """Let a sync go to a commit."""
    sync = running(store, SyncRequest("schedule", **request))
    store.finish(sync, ended("completed", "Succeeded", to_commit=to_commit))


@pytest.mark.parametrize(
    ("goes_to", "request_of", "state"),
    [
        ("c" * 40, {}, "superseded"),
        ("b" * 40, {}, "pending"),
        ("c" * 40, {"commit": "c" * 40, "pin": "set"}, "pending"),
        ("c" * 40, {"dry_run": True}, "pending"),
    ],
    ids=["passed over", "not yet seen", "pinned elsewhere", "dry run"],
)
def test_an_announced_commit_is_pending_until_the_branch_went_on(
    store: Store, goes_to: str, request_of: dict[str, Any], state: str
) -> None:
    store.receive(replace(PUSH, payload={"before": "b" * 40, "after": "a" * 40}), HOOK)
    run(store, "completed", "Pinned")
    assert store.commit_state("a" * 40) == "pending"
    went(store, goes_to, **request_of)
    assert store.commit_state("a" * 40) == state


def test_events_are_listed_newest_first_by_pages(store: Store) -> None:
    for number in range(3):
        store.receive(Delivery(f"d-{number}", "ping", "pong"), None)
    page = store.events(None, 2)
    assert [row["delivery_id"] for row in page.rows] == ["d-2", "d-1"]
    assert isinstance(page.next, int)
    assert [row["delivery_id"] for row in store.events(page.next, 2).rows] == ["d-0"]


PATH = "catalog/x/a.yaml"
BAD = Problem("bad-range", "error", "min is above max", PATH, line=4, pointer="/f/0", commit="1")
WORSE = Problem("bad-name", "error", "no name", "catalog/y/b.yaml", line=1, commit="2")


def open_codes(store: Store, **filters: str) -> list[tuple[str, bool]]:
    rows = store.problems(ProblemFilters(**filters), None, 99).rows  # type: ignore[arg-type]
    return [(row["code"], row["rejected"]) for row in rows]


def refuse(store: Store, *problems: Problem) -> None:
    result = ended("rejected", "ProblemsFound", to_commit="r" * 40)
    store.finish(running(store), result, {one.path: (one,) for one in problems})


def test_problems_of_a_refused_commit_stand_beside_those_of_the_served_one(store: Store) -> None:
    syncs = Syncs(store)
    syncs.sync({PATH: [BAD]})
    refuse(store, BAD, WORSE)
    assert open_codes(store) == [("bad-range", False), ("bad-name", True)]
    assert (store.load().errors, store.load().warnings) == (1, 0)
    refuse(store, BAD)
    assert open_codes(store) == [("bad-range", False)]


def test_a_branch_that_came_back_ends_what_the_refused_commit_had_wrong(store: Store) -> None:
    Syncs(store).sync({PATH: [BAD]})
    refuse(store, WORSE)
    store.finish(running(store), ended("failed", "RemoteUnreachable"))
    assert open_codes(store) == [("bad-range", False), ("bad-name", True)]
    store.finish(running(store), ended("completed", "UpToDate"), touch_checked=True)
    assert open_codes(store) == [("bad-range", False)]


def test_a_refused_problem_that_is_applied_after_all_stays_the_same_row(store: Store) -> None:
    syncs = Syncs(store)
    syncs.sync({"catalog/x/c.yaml": item("c")})
    refuse(store, BAD, WORSE)
    (before, _) = store.problems(ProblemFilters(), None, 9).rows
    syncs.sync({PATH: [BAD]})
    (after,) = store.problems(ProblemFilters(), None, 9).rows
    assert (after["id"], after["rejected"]) == (before["id"], False)
    assert open_codes(store, status="resolved") == [("bad-name", True)]


def test_a_problem_whose_line_moved_is_the_same_problem(store: Store, clock: Clock) -> None:
    syncs = Syncs(store)
    syncs.sync({PATH: [BAD]})
    clock.turn(days=1)
    syncs.sync({PATH: [replace(BAD, line=9)]})
    (row,) = store.problems(ProblemFilters(status="all"), None, 9).rows
    assert (row["line"], row["first_seen_at"]) == (9, "2026-01-01T00:00:00.000Z")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"path": PATH}, ["bad-range", "bad-tag"]),
        ({"path": "catalog/y"}, ["bad-name"]),
        ({"path": "catalog/y/"}, ["bad-name"]),
        ({"path": "catalog"}, ["bad-range", "bad-tag", "bad-name"]),
        ({"path": "cat"}, []),
        ({"path": "catalog/_"}, []),
        ({"severity": "warning"}, ["bad-tag"]),
        ({"code": "bad-name", "severity": "error"}, ["bad-name"]),
        ({"status": "resolved"}, []),
        ({"status": "all"}, ["bad-range", "bad-tag", "bad-name"]),
    ],
)
def test_problems_are_narrowed(store: Store, filters: dict[str, str], expected: list[str]) -> None:
    tag = Problem("bad-tag", "warning", "odd", PATH)
    Syncs(store).sync({PATH: [BAD, tag], WORSE.path: [WORSE]})
    assert sorted(code for code, _ in open_codes(store, **filters)) == sorted(expected)


def test_problems_come_by_pages(store: Store) -> None:
    Syncs(store).sync({f"catalog/x/{name}.yaml": [BAD] for name in "abc"})
    page = store.problems(ProblemFilters(), None, 2)
    assert isinstance(page.next, int)
    assert len(store.problems(ProblemFilters(), page.next, 2).rows) == 1


def test_crashes_are_counted_by_content(store: Store) -> None:
    assert [store.crashed("oid", PATH), store.crashed("oid", "elsewhere")] == [1, 2]
    assert store.crashed("other", PATH) == 1
    assert store.crashes() == {"oid": 2, "other": 1}


@pytest.mark.parametrize(
    ("request_", "kept"),
    [
        (SyncRequest("manual", mode="full"), False),
        (SyncRequest("manual", mode="full", dry_run=True), True),
        (SyncRequest("schedule", mode="full"), True),
        (SyncRequest("manual"), True),
    ],
)
def test_an_operators_full_sync_gives_every_file_another_chance(
    store: Store, request_: SyncRequest, kept: bool
) -> None:
    store.crashed("oid", PATH)
    store.enqueue(request_)
    assert bool(store.crashes()) is kept
    store.claim()
    store.crashed("oid", PATH)
    store.recover("WorkerCrashed")
    assert store.crashes() == {"oid": 2 if kept else 1}, "and running it again gives no other"


def test_old_things_go_and_history_stays(store: Store, clock: Clock) -> None:
    syncs = Syncs(store)
    syncs.sync({PATH: [BAD], "catalog/x/c.yaml": item("c")})
    syncs.sync({PATH: None, "catalog/x/c.yaml": None})
    store.receive(PUSH, HOOK)
    run(store, "completed")
    store.crashed("old", PATH)
    clock.turn(days=50)
    store.crashed("new", PATH)
    syncs.sync({"catalog/x/d.yaml": item("d")})
    store.receive(Delivery("d-2", "push", "accepted"), HOOK)
    clock.turn(days=50)
    assert store.prune(90) == {
        "webhook_events": 1,
        "outbox": 0,
        "catalog_validation_errors": 1,
        "catalog_sync_status": 3,
        "parser_crashes": 1,
    }
    assert store.crashes() == {"new": 1}
    assert store.prune(90) == dict.fromkeys(store.prune(90), 0)
    history = store.versions("item", "c", None, 9)
    assert history is not None
    assert [row["change"] for row in history.rows] == ["removed", "added"]
    assert store.load() == syncs.stored
    assert len(store.queue()) == 1


def test_much_goes_in_small_steps_and_by_whole_days(store: Store, clock: Clock) -> None:
    with store.database.atomic():
        for number in range(STEP + 1):
            store.receive(Delivery(f"d-{number}", "ping", "pong"), None)
    clock.turn(days=90, hours=23)
    assert store.prune(90)["webhook_events"] == 0, "the day is not over"
    clock.turn(hours=1)
    assert [store.prune(90)["webhook_events"] for _ in range(3)] == [STEP, 1, 0]


def test_the_last_sync_stays_however_old_it_is(store: Store, clock: Clock) -> None:
    Syncs(store).sync({"catalog/x/c.yaml": item("c")})
    clock.turn(days=1000)
    store.prune(90)
    assert store.last() is not None


def test_syncs_are_pruned_though_none_ever_went_well(store: Store, clock: Clock) -> None:
    for _ in range(3):
        store.finish(running(store), ended("failed", "RemoteUnreachable"))
    clock.turn(days=1000)
    assert store.prune(90)["catalog_sync_status"] == 2
    assert store.last_following() is not None


def test_the_last_that_followed_the_branch_outlives_dry_runs(store: Store, clock: Clock) -> None:
    store.finish(running(store), ended("blocked", "MassRemoval"))
    store.finish(running(store, SyncRequest("manual", dry_run=True)), ended())
    clock.turn(days=1000)
    store.prune(90)
    last = store.last_following()
    assert last is not None
    assert last["reason"] == "MassRemoval"
