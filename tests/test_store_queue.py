"""The queue: what merges, what runs alone, what survives a crash, and how syncs are told of."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paod.errors import StoreError, StoreUnavailable
from paod.model import (
    CatalogChange,
    ClaimedSync,
    Counts,
    Pin,
    SyncRequest,
    SyncResult,
    Trigger,
)
from paod.store import Store
from paod.store.queue import MAX_DRY_RUNS, MAX_QUEUED
from paod.store.syncs import FAILURES_IN_A_ROW
from tests.databases import on_each_database
from tests.store_tools import (
    Clock,
    Syncs,
    empty_store,
    ended,
    item,
    ready_store,
    result_of,
    running,
)

pytestmark = on_each_database

POLL = SyncRequest("schedule")
HOOK = SyncRequest("webhook", webhook={"ref": "refs/heads/main", "after": "a" * 40})
FULL = SyncRequest("manual", mode="full")
LEAVE = SyncRequest("manual", allow_mass_removal="b" * 40)
DRY = SyncRequest("manual", dry_run=True)
ROLLBACK = SyncRequest("rollback", commit="c" * 40, pin="set", reason="it broke")
RESUME = SyncRequest("rollback", pin="clear")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path, clock: Clock) -> Iterator[Store]:
    store = empty_store(tmp_path, clock)
    yield store
    store.close()


def enqueue(store: Store, *requests: SyncRequest) -> list[int]:
    return [store.enqueue(request) for request in requests]


def claim(store: Store) -> ClaimedSync | None:
    """Claim as the workers would together: dry runs come last."""
    return store.claim() or store.claim(dry_run=True, runner="me")


def claimed(store: Store) -> ClaimedSync:
    sync = claim(store)
    assert sync is not None
    return sync


def drained(store: Store) -> list[tuple[SyncRequest, tuple[Trigger, ...]]]:
    """Run everything that waits; return what was run."""
    found = []
    while (sync := claim(store)) is not None:
        found.append((sync.request, sync.triggers))
        store.finish(sync.id, ended())
    return found


def status(store: Store, sync_id: int) -> dict[str, Any]:
    sync = store.sync(sync_id)
    assert sync is not None
    return sync


def test_nothing_waits_in_an_empty_queue(store: Store) -> None:
    assert store.claim() is None
    assert store.current() is None
    assert store.last() is None
    assert store.queue() == []
    assert store.syncs(None, 9).rows == []


def test_a_request_comes_back_as_it_was_asked(store: Store) -> None:
    for request in (POLL, HOOK, FULL, LEAVE, DRY, ROLLBACK, RESUME):
        (sync_id,) = enqueue(store, request)
        assert claimed(store) == ClaimedSync(sync_id, request, (request.trigger,))
        store.finish(sync_id, ended())


@pytest.mark.parametrize(
    ("requests", "runs"),
    [
        ([POLL, HOOK], [(HOOK, ("schedule", "webhook"))]),
        ([HOOK, POLL], [(replace(POLL, webhook=HOOK.webhook), ("webhook", "schedule"))]),
        ([FULL, POLL], [(replace(POLL, mode="full"), ("manual", "schedule"))]),
        ([LEAVE, POLL], [(replace(POLL, allow_mass_removal="b" * 40), ("manual", "schedule"))]),
        ([ROLLBACK, RESUME], [(ROLLBACK, ("rollback",)), (RESUME, ("rollback",))]),
        ([DRY, DRY], [(DRY, ("manual",)), (DRY, ("manual",))]),
        (
            [POLL, POLL, ROLLBACK, POLL, HOOK],
            [
                (POLL, ("schedule", "schedule")),
                (ROLLBACK, ("rollback",)),
                (HOOK, ("schedule", "webhook")),
            ],
        ),
    ],
)
def test_requests_that_follow_the_branch_merge_and_others_run_alone(
    store: Store, requests: Sequence[SyncRequest], runs: Sequence[object]
) -> None:
    enqueue(store, *requests)
    assert drained(store) == runs


def test_a_merged_request_names_the_one_that_stands_for_it(store: Store, clock: Clock) -> None:
    first, second = enqueue(store, POLL, HOOK)
    clock.turn(seconds=2)
    assert claimed(store).id == second
    superseded = status(store, first)
    assert superseded["status"] == "superseded"
    assert superseded["reason"] == "Superseded"
    assert superseded["superseded_by"] == second
    assert superseded["sync_completed_at"] == "2026-01-01T00:00:02.000Z"
    assert status(store, second)["triggers"] == ["schedule", "webhook"]
    assert status(store, second)["webhook"] == HOOK.webhook


def test_a_request_that_arrives_during_a_sync_runs_after_it(store: Store) -> None:
    enqueue(store, POLL)
    running_now = claimed(store)
    (late,) = enqueue(store, HOOK)
    current, (waiting,) = store.current(), store.queue()
    assert current is not None
    assert (current["sync_id"], waiting["sync_id"]) == (running_now.id, late)
    store.finish(running_now.id, ended())
    assert claimed(store).id == late


def test_the_queue_is_bounded_and_loses_nothing(store: Store) -> None:
    ids = enqueue(store, *[POLL] * (MAX_QUEUED - 1), LEAVE)
    assert len(set(ids)) == MAX_QUEUED
    joined = enqueue(store, HOOK, FULL)
    assert joined == [ids[-1], ids[-1]]
    assert len(store.queue()) == MAX_QUEUED
    sync = claimed(store)
    assert sync.request == replace(
        FULL, webhook=HOOK.webhook, allow_mass_removal=LEAVE.allow_mass_removal
    )
    assert len(sync.triggers) == MAX_QUEUED + 2


def test_a_full_queue_says_so_where_nothing_can_merge(store: Store) -> None:
    enqueue(store, *[POLL] * MAX_QUEUED)
    with pytest.raises(StoreUnavailable) as refused:
        store.enqueue(ROLLBACK)
    assert refused.value.reason_given == "QueueFull"
    claimed(store)
    enqueue(store, *[RESUME] * MAX_QUEUED)
    with pytest.raises(StoreUnavailable):
        store.enqueue(POLL)


def test_dry_runs_have_a_bound_of_their_own_and_come_last(store: Store) -> None:
    dry, *_ = enqueue(store, *[DRY] * MAX_DRY_RUNS)
    with pytest.raises(StoreUnavailable) as refused:
        store.enqueue(DRY)
    assert refused.value.reason_given == "QueueFull"
    first, second = enqueue(store, POLL, HOOK)
    assert [one["sync_id"] for one in store.queue()[:3]] == [first, second, dry]
    assert claimed(store).id == second, "they do not keep what follows the branch from merging"
    assert store.claim() is None
    looked = store.claim(dry_run=True, runner="me")
    assert looked is not None
    assert looked.id == dry
    current = store.current()
    assert current is not None
    assert current["sync_id"] == second


def test_a_dry_run_that_was_cut_off_has_failed_and_is_not_queued_again(
    store: Store, clock: Clock
) -> None:
    mine, theirs = enqueue(store, DRY, DRY)
    for sync_id, runner in ((mine, "me"), (theirs, "they")):
        looked = store.claim(dry_run=True, runner=runner)
        assert looked is not None
        assert looked.id == sync_id
    assert store.recover() == []
    assert store.end_dry_runs("me", "WorkerCrashed", "it died", seconds=60) == 1
    ended_row = status(store, mine)
    assert (ended_row["status"], ended_row["reason"]) == ("failed", "WorkerCrashed")
    assert ended_row["superseded_by"] is None
    assert status(store, theirs)["status"] == "running"
    clock.turn(seconds=61)
    assert store.end_dry_runs("me", "Interrupted", "gone", seconds=60) == 1
    assert store.queue() == []


def test_a_dry_run_can_be_cancelled_while_it_waits_and_while_it_runs(store: Store) -> None:
    running, waiting, poll = enqueue(store, DRY, DRY, POLL)
    assert store.claim(dry_run=True) is not None
    assert store.claim() is not None
    for sync_id, done in ((running, True), (waiting, True), (poll, False), (running, False)):
        assert store.cancel(sync_id, "it was cancelled", "Cancelled") is done
    assert status(store, running)["reason"] == status(store, waiting)["reason"] == "Cancelled"
    assert status(store, poll)["status"] == "running"
    with pytest.raises(StoreError, match="not running any more"):
        store.finish(running, ended())


def test_what_a_crash_cut_off_runs_again_in_its_old_place(store: Store) -> None:
    cut_off, later = enqueue(store, ROLLBACK, RESUME)
    assert claimed(store).id == cut_off
    (again,) = store.recover()
    assert status(store, cut_off)["status"] == "failed"
    assert status(store, cut_off)["reason"] == "Interrupted"
    assert status(store, cut_off)["superseded_by"] == again
    assert [sync["sync_id"] for sync in store.queue()] == [again, later]
    assert claimed(store) == ClaimedSync(again, ROLLBACK, ("rollback",))
    (third,) = store.recover("WorkerCrashed", "killed by signal 9")
    assert status(store, again)["message"] == "killed by signal 9"
    assert claimed(store) == ClaimedSync(third, ROLLBACK, ("rollback",))
    store.finish(third, ended())
    assert store.recover() == []
    assert claimed(store).request == RESUME


def test_a_sync_that_was_given_up_cannot_be_finished(store: Store) -> None:
    syncs = Syncs(store)
    planned = syncs.planned({"catalog/x/a.yaml": item("a")})
    (cut_off,) = enqueue(store, POLL)
    claimed(store)
    store.recover()
    with pytest.raises(StoreError, match="not running any more"):
        store.finish(cut_off, ended())
    with pytest.raises(StoreError, match="not running any more"):
        store.apply(cut_off, planned, result_of(planned, None), commit="a", basis="b")
    assert store.head().commit is None
    assert store.load().catalog.entries == {}


def test_a_sync_that_began_from_another_head_is_not_applied(store: Store) -> None:
    syncs = Syncs(store)
    late = syncs.planned({"catalog/x/late.yaml": item("late")})
    syncs.sync({"catalog/x/a.yaml": item("a")})
    with pytest.raises(StoreError, match="has moved"):
        store.apply(running(store), late, result_of(late, None), commit="x", basis="b")
    assert store.load() == syncs.stored


def test_a_finished_sync_is_told_in_full(store: Store, clock: Clock) -> None:
    (sync_id,) = enqueue(store, replace(HOOK, mode="full"))
    clock.turn(seconds=1)
    claimed(store)
    store.phase(sync_id, "fetch")
    current = store.current()
    assert current is not None
    assert current["phase"] == "fetch"
    clock.turn(seconds=1)
    change = CatalogChange("item", "a", "added", "1.0.0", 1)
    result = ended(
        "blocked",
        "MassRemoval",
        "would remove 9 of 9",
        mode="full",
        from_commit="a" * 40,
        to_commit="b" * 40,
        history_rewritten=True,
        items=Counts(1, 2, 3),
        bundles=Counts(4, 5, 6),
        errors=7,
        warnings=8,
        timings={"fetch": 0.5},
        changes=(change,),
    )
    store.finish(sync_id, result)
    assert store.last() == status(store, sync_id)
    assert status(store, sync_id) == {
        "sync_id": sync_id,
        "status": "blocked",
        "reason": "MassRemoval",
        "message": "would remove 9 of 9",
        "error_message": "would remove 9 of 9",
        "trigger": "webhook",
        "triggers": ["webhook"],
        "mode": "full",
        "dry_run": False,
        "requested_commit": None,
        "requested_ref": None,
        "allow_mass_removal": None,
        "pin": None,
        "pin_reason": None,
        "phase": None,
        "repository_url": "https://example.org/catalog.git",
        "branch": "main",
        "commit_hash": "b" * 40,
        "from_commit": "a" * 40,
        "to_commit": "b" * 40,
        "history_rewritten": True,
        "requested_at": "2026-01-01T00:00:00.000Z",
        "sync_started_at": "2026-01-01T00:00:01.000Z",
        "sync_completed_at": "2026-01-01T00:00:02.000Z",
        "items_added": 1,
        "items_updated": 2,
        "items_removed": 3,
        "bundles_added": 4,
        "bundles_updated": 5,
        "bundles_removed": 6,
        "problems": 15,
        "generation": None,
        "superseded_by": None,
        "timings": {"fetch": 0.5},
        "webhook": HOOK.webhook,
        "changes": [
            {
                "kind": "item",
                "name": "a",
                "change": "added",
                "version": "1.0.0",
                "revision": 1,
                "renamed_from": None,
            }
        ],
    }


def test_an_applied_sync_carries_its_generation_and_no_error(store: Store) -> None:
    syncs = Syncs(store)
    sync_id = syncs.apply(syncs.planned({"catalog/x/a.yaml": item("a")}))
    sync = status(store, sync_id)
    assert (sync["generation"], sync["items_added"], sync["error_message"]) == (1, 1, None)


def test_syncs_are_listed_newest_first_by_pages(store: Store) -> None:
    ids = enqueue(store, POLL, POLL, POLL)
    page = store.syncs(None, 2)
    assert [row["sync_id"] for row in page.rows] == ids[:0:-1]
    assert page.next == ids[1]
    assert [row["sync_id"] for row in store.syncs(ids[1], 2).rows] == ids[:1]
    assert store.sync(999) is None


def test_a_pin_is_set_and_lifted_by_what_ends_a_sync(store: Store) -> None:
    pin = Pin("a" * 40, "it broke", "2026-01-01T00:00:00Z")
    store.finish(running(store), ended(), pin=pin)
    assert store.head().pin == pin
    store.finish(running(store), ended())
    assert store.head().pin == pin
    syncs = Syncs(store)
    planned = syncs.planned({"catalog/x/a.yaml": item("a")})
    result = result_of(planned, None)
    store.apply(running(store), planned, result, commit=f"{1:040x}", basis="b", pin=None)
    assert store.head().pin is None


def test_a_verified_nothing_new_moves_the_time_of_the_last_look(store: Store, clock: Clock) -> None:
    assert store.head().checked_at is None
    store.finish(running(store), ended(), touch_checked=True)
    assert store.head().checked_at == "2026-01-01T00:00:00.000Z"
    clock.turn(minutes=1)
    store.finish(running(store), ended("failed", "RemoteUnreachable"))
    assert store.head().checked_at == "2026-01-01T00:00:00.000Z"
    store.touch_checked()
    assert store.head().checked_at == "2026-01-01T00:01:00.000Z"
    assert store.head().synced_at is None


def test_what_became_of_a_commit(store: Store) -> None:
    syncs = Syncs(store)
    syncs.sync({"catalog/x/a.yaml": item("a")})
    first, second = f"{1:040x}", f"{2:040x}"
    assert store.commit_state(first) == "applied"
    syncs.sync({"catalog/x/b.yaml": item("b")})
    assert (store.commit_state(first), store.commit_state(second)) == ("superseded", "applied")
    for state in ("blocked", "rejected", "failed"):
        store.finish(running(store), ended(state, "Refused", to_commit=state))
        assert store.commit_state(state) == state
    store.finish(running(store, DRY), ended(to_commit="dry"))
    assert store.commit_state("dry") is None


FOLLOWING = [POLL, HOOK, RESUME]
ELSEWHERE = [DRY, ROLLBACK, replace(DRY, commit="c" * 40), SyncRequest("manual", commit="c" * 40)]


@pytest.mark.parametrize("request_", [*FOLLOWING, *ELSEWHERE])
def test_what_did_not_follow_the_branch_hides_nothing_of_it(
    store: Store, request_: SyncRequest
) -> None:
    store.finish(running(store), ended("blocked", "MassRemoval", to_commit="d" * 40))
    assert store.blocked_commit() == "d" * 40
    store.finish(running(store, request_), ended())
    last = store.last_following()
    assert last is not None
    assert last["reason"] == ("UpToDate" if request_ in FOLLOWING else "MassRemoval")
    assert store.blocked_commit() == (None if request_ in FOLLOWING else "d" * 40)


@pytest.mark.parametrize("result", [ended("completed", "Pinned"), ended("failed", "RemoteTimeout")])
def test_a_commit_stays_blocked_while_nobody_looks_at_the_branch(
    store: Store, result: SyncResult
) -> None:
    store.finish(running(store), ended("blocked", "MassRemoval", to_commit="d" * 40))
    store.finish(running(store), result)
    assert store.blocked_commit() == "d" * 40


@pytest.mark.parametrize("reason", ["EmptyRepository", "TooManyFiles"])
def test_no_leave_is_asked_for_what_leave_does_not_help(store: Store, reason: str) -> None:
    assert store.blocked_commit() is None
    store.finish(running(store), ended("blocked", reason, to_commit="d" * 40))
    assert store.blocked_commit() is None


def test_a_blocked_commit_that_was_applied_by_name_is_blocked_no_more(store: Store) -> None:
    syncs = Syncs(store)
    planned = syncs.planned({"catalog/x/a.yaml": item("a")})
    store.finish(running(store), ended("blocked", "MassRemoval", to_commit=f"{1:040x}"))
    syncs.apply(planned)
    store.finish(running(store), ended("blocked", "MassRemoval", to_commit=f"{1:040x}"))
    assert store.blocked_commit() is None


def test_a_crash_that_comes_every_time_makes_no_long_chain(store: Store) -> None:
    first, second = enqueue(store, POLL, HOOK)
    for times in range(1, 5):
        claimed(store)
        (latest,) = store.recover()
        assert store.times_cut_off(latest) == times
    assert [status(store, one)["superseded_by"] for one in (first, second)] == [latest, latest]
    (newer,) = enqueue(store, FULL)
    claimed(store)
    assert {row["superseded_by"] for row in store.syncs(None, 99).rows} == {newer, None}
    assert store.times_cut_off(newer) == 0


def test_a_request_is_cancelled_where_it_is_nobody_elses(store: Store) -> None:
    (alone,) = enqueue(store, ROLLBACK)
    claimed(store)
    assert not store.cancel(alone, "it runs")
    (again,) = store.recover()
    assert store.cancel(alone, "never mind")
    row = status(store, again)
    assert (row["status"], row["reason"], row["message"]) == (
        *("failed", "Interrupted"),
        "never mind",
    )
    assert store.queue() == []
    first, second = enqueue(store, POLL, FULL)
    claimed(store)
    store.recover()
    assert not store.cancel(second, "it stands for another")
    assert not store.cancel(first, "another stands for it")
    assert not store.cancel(999, "there is none")


ORDERS = st.lists(
    st.sampled_from([POLL, HOOK, FULL, LEAVE, DRY, ROLLBACK, RESUME, "claim", "crash"]),
    max_size=14,
)


@settings(max_examples=30, deadline=None)
@given(ORDERS)
def test_no_request_is_lost_whatever_happens(orders: list[Any]) -> None:
    """Each request is run, or is stood for by one that was; what runs alone runs in turn."""
    with tempfile.TemporaryDirectory() as folder:
        store = ready_store(Path(folder))
        _run_in_order(store, orders)
        store.close()


def _run_in_order(store: Store, orders: list[Any]) -> None:
    asked: list[tuple[int, SyncRequest]] = []
    alone: list[SyncRequest] = []
    for order in orders:
        if order == "crash":
            store.claim()
            store.recover()
        elif order == "claim":
            if (sync := claim(store)) is not None:
                _note(store, sync, alone)
        else:
            asked.append((store.enqueue(order), order))
    while (sync := claim(store)) is not None:
        _note(store, sync, alone)
    for sync_id, request in asked:
        final = status(store, sync_id)
        while final["superseded_by"] is not None:
            final = status(store, final["superseded_by"])
        assert final["status"] == "completed"
        if request.mode == "full":
            assert final["message"] == "full"
    for dry_run in (False, True):
        assert [one for one in alone if one.dry_run == dry_run] == [
            one for _, one in asked if not one.follows_branch and one.dry_run == dry_run
        ]


def _note(store: Store, sync: ClaimedSync, alone: list[SyncRequest]) -> None:
    if not sync.request.follows_branch:
        alone.append(sync.request)
    store.finish(sync.id, ended(message=sync.request.mode))


def test_a_cancelled_sync_never_looked_at_the_branch(store: Store) -> None:
    """It says nothing of how fresh the catalog is, and is no failure of the repository."""
    looked = running(store)
    store.finish(looked, SyncResult("completed", "UpToDate", ""))
    waits = store.enqueue(SyncRequest("manual"))
    assert store.cancel(waits, "it was cancelled", "Cancelled")
    last = store.last_following()
    assert last is not None
    assert last["sync_id"] == looked
    assert store.database.query(FAILURES_IN_A_ROW) == [{"failures": 0}]
