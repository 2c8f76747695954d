"""What is told of syncs: each trouble when it begins and when it ends, problems, changes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paod.model import Problem, SyncRequest, SyncResult
from paod.store import Delivery, Outlets, Store
from tests.databases import on_each_database
from tests.store_tools import Clock, Syncs, empty_store, ended, item, running

A, B = "a" * 40, "b" * 40
PATH = "catalog/x/a.yaml"
BAD = Problem("bad-name", "error", "it is bad", PATH, 3, 7, "/name", "mend it")
ODD = Problem("unknown-key", "warning", "not known", PATH, 4, 1, "/colour")

FAILED = ended("failed", "RemoteTimeout", "no answer")
DENIED = ended("failed", "AuthenticationFailed", "refused")
GONE = ended("failed", "BranchNotFound", "the remote has no branch main")
FINE = ended(to_commit=A)
HELD_A = ended("blocked", "MassRemoval", "would remove 9 of 9", to_commit=A)
HELD_B = ended("blocked", "MassRemoval", "would remove 8 of 9", to_commit=B)
REJECTED_A = ended("rejected", "ProblemsFound", "2 errors", to_commit=A, errors=2)
PINNED = ended("completed", "Pinned", to_commit=A)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = empty_store(tmp_path, Clock(), Outlets(alerts=True, changes=True))
    yield opened
    opened.close()


def alerts(store: Store) -> list[dict[str, Any]]:
    """Deliver all that is due; return the facts."""
    found = []
    while (message := store.claim_message("alert", 60)) is not None:
        store.settle_message(message, "delivered")
        found.append(dict(message.facts))
    return found


def names(store: Store) -> list[str]:
    return [facts["alert"] for facts in alerts(store)]


@pytest.mark.parametrize(
    ("outcomes", "told"),
    [
        ([FAILED, FAILED], []),
        ([FAILED, FAILED, FINE, FAILED, FAILED], []),
        ([FAILED, DENIED, FAILED], ["sync-failed"]),
        ([FAILED] * 9, ["sync-failed"]),
        ([FAILED] * 4 + [FINE], ["sync-failed", "recovered"]),
        ([FAILED] * 4 + [FINE] + [FAILED] * 3, ["sync-failed", "recovered", "sync-failed"]),
        ([FAILED, FAILED, PINNED, FAILED], ["sync-failed"]),
        ([HELD_A, HELD_A], ["held"]),
        ([HELD_A, HELD_B], ["held", "held"]),
        ([HELD_A, FINE], ["held", "recovered"]),
        ([HELD_A, PINNED, HELD_A], ["held"]),
        ([REJECTED_A, REJECTED_A, FINE], ["rejected", "recovered"]),
        ([HELD_A, REJECTED_A, FINE], ["held", "rejected", "recovered"]),
        ([HELD_A] + [FAILED] * 3 + [HELD_A, FINE],
         ["held", "sync-failed", "recovered", "recovered"]),
        ([FAILED] * 3 + [HELD_A, FINE], ["sync-failed", "held", "recovered"]),
        ([GONE], ["branch-gone"]),
        ([GONE] * 5 + [FINE], ["branch-gone", "recovered"]),
        ([FINE, FINE], []),
    ],
)  # fmt: skip
def test_a_trouble_is_told_when_it_begins_and_when_it_ends(
    store: Store, outcomes: list[SyncResult], told: list[str]
) -> None:
    for outcome in outcomes:
        store.finish(running(store), outcome)
    assert names(store) == told


def test_what_went_elsewhere_than_the_branch_is_no_trouble(store: Store) -> None:
    elsewhere = SyncRequest("manual", commit=A), SyncRequest("rollback", commit=A, pin="set")
    for request in elsewhere:
        for outcome in (HELD_A, REJECTED_A, FAILED, FAILED, FAILED):
            store.finish(running(store, request), outcome)
    assert names(store) == []
    store.finish(running(store, SyncRequest("manual", pin="clear")), HELD_A)
    assert names(store) == ["held"]


def test_a_worker_that_dies_again_and_again_is_told_and_a_stop_is_not(store: Store) -> None:
    store.enqueue(SyncRequest("schedule"))
    for _ in range(5):
        store.claim()
        store.recover("Interrupted", "paod was stopped")
    assert names(store) == []
    for _ in range(3):
        store.claim()
        store.recover("WorkerCrashed", "the sync worker ended (SIGSEGV)")
    (facts,) = alerts(store)
    assert (facts["alert"], facts["failures"]) == ("sync-failed", 3)
    assert "SIGSEGV" in facts["summary"]


def test_an_alert_says_where_what_and_why(store: Store) -> None:
    for _ in range(3):
        store.finish(running(store), DENIED)
    store.finish(running(store), FINE)
    failed, fine = alerts(store)
    assert failed == {
        "alert": "sync-failed",
        "severity": "error",
        "summary": "3 syncs in a row failed (AuthenticationFailed): refused",
        "failures": 3,
        "repository": "https://example.org/catalog.git",
        "branch": "main",
        "sync": {
            "sync_id": 3,
            "trigger": "manual",
            "status": "failed",
            "reason": "AuthenticationFailed",
            "message": "refused",
            "from_commit": None,
            "to_commit": None,
        },
    }
    assert (fine["severity"], fine["ended"], fine["standing"]) == ("info", ["sync-failed"], None)


@on_each_database
def test_what_still_stands_is_said_when_something_ends(store: Store) -> None:
    for outcome in (HELD_A, FAILED, FAILED, FAILED, HELD_A):
        store.finish(running(store), outcome)
    last = alerts(store)[-1]
    assert (last["alert"], last["ended"], last["standing"]) == (
        *("recovered", ["sync-failed"]),
        "held",
    )
    assert "still held back" in last["summary"]


@on_each_database
def test_a_deleted_branch_is_told_once_whoever_says_so(store: Store) -> None:
    gone = Delivery("d-1", "push", "ignored", "the branch was deleted", branch_gone=True)
    for delivery_id in ("d-1", "d-1", "d-2"):
        store.receive(Delivery(delivery_id, *("push", "ignored", "gone"), branch_gone=True), None)
    store.receive(gone, None)
    store.finish(running(store), GONE)
    (facts,) = alerts(store)
    assert (facts["alert"], facts["branch"]) == ("branch-gone", "main")
    store.finish(running(store), FINE)
    assert names(store) == ["recovered"]


@on_each_database
def test_problems_are_told_when_they_come_and_when_they_go(store: Store) -> None:
    syncs = Syncs(store)
    syncs.sync({PATH: [BAD, ODD]})
    (new,) = alerts(store)
    assert (new["alert"], new["severity"]) == ("problems-new", "error")
    assert new["summary"] == "1 new error and 1 new warning"
    assert (new["errors"], new["warnings"]) == (1, 1)
    assert new["problems"][0] == {
        "code": "bad-name",
        "severity": "error",
        "path": PATH,
        "line": 3,
        "message": "it is bad",
        "hint": "mend it",
    }
    syncs.sync({PATH: [ODD]})
    (gone,) = alerts(store)
    assert (gone["alert"], gone["summary"]) == ("problems-cleared", "1 cleared error")
    syncs.sync({PATH: [ODD], "catalog/x/b.yaml": None})
    assert names(store) == []


def test_many_problems_are_counted_and_not_all_listed(store: Store) -> None:
    many = [Problem("bad-name", "error", f"bad {n}", PATH, n) for n in range(50)]
    Syncs(store).sync({PATH: many})
    (facts,) = alerts(store)
    assert (facts["errors"], len(facts["problems"])) == (50, 20)
    assert facts["summary"] == "50 new errors"


def test_a_rejected_commits_problems_are_the_rejections(store: Store) -> None:
    syncs = Syncs(store)
    planned = syncs.planned({PATH: [BAD, ODD]})
    store.finish(running(store), REJECTED_A, problems=planned.problems)
    (facts,) = alerts(store)
    assert (facts["alert"], facts["errors"]) == ("rejected", 2)
    store.finish(running(store), FINE, touch_checked=True)
    assert names(store) == ["recovered"]


def test_what_changed_is_told_where_that_is_wanted(store: Store) -> None:
    syncs = Syncs(store)
    syncs.sync({PATH: item("a"), "catalog/x/b.yaml": item("b")})
    syncs.sync({PATH: item("a", version="1.1.0"), "catalog/x/b.yaml": None})
    first, second = alerts(store)
    assert first["counts"] == {"added": 2, "changed": 0, "removed": 0}
    assert second["summary"] == "the catalog changed: 0 added, 1 changed, 1 removed"
    assert second["generation"] == 2
    assert second["changed"] == [
        {"kind": "item", "name": "a", "version": "1.1.0", "change": "changed"}
    ]
    assert [one["name"] for one in second["removed"]] == ["b"]


@on_each_database
def test_an_operators_pin_changes_what_readers_see_too(store: Store) -> None:
    syncs = Syncs(store)
    syncs.sync({PATH: item("a")})
    syncs.sync({PATH: item("a", version="1.1.0")})
    alerts(store)
    store.pin_item("a", 1, "it broke")
    syncs.sync({PATH: item("a", version="1.2.0")})
    store.release_item("a")
    pinned, released = alerts(store)
    assert [one["change"] for one in pinned["changed"]] == ["pinned"]
    assert "sync" not in pinned
    assert [one["change"] for one in released["changed"]] == ["released"]


def test_what_changed_is_not_told_where_nobody_asked(tmp_path: Path) -> None:
    store = empty_store(tmp_path, Clock(), Outlets(alerts=True))
    Syncs(store).sync({PATH: item("a")})
    assert names(store) == []
    store.close()


def test_a_thousand_changes_are_counted_and_not_all_listed(store: Store) -> None:
    Syncs(store).sync({f"catalog/x/i{n}.yaml": item(f"i{n}") for n in range(150)})
    (facts,) = alerts(store)
    assert (facts["counts"]["added"], len(facts["added"])) == (150, 100)
