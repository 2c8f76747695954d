"""What admins ask for and see: syncs, rollbacks, problems, figures, health."""

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from paod.doctor.database import _stuck
from paod.model import SyncResult
from paod.store.queue import MAX_DRY_RUNS
from tests.databases import on_each_database
from tests.served import POSTGRES, Served, bundle, commit_hash, item, problem

pytestmark = on_each_database

SHA = "4f0c" * 10


@pytest.fixture(name="served")
def _served(tmp_path):
    served = Served(tmp_path)
    yield served
    served.store.close()


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (None, {}),
        (b"", {}),
        ({}, {}),
        ({"mode": "full"}, {"mode": "full"}),
        ({"commit": SHA}, {"requested_commit": SHA}),
        ({"commit": "4f0c4f0"}, {"requested_commit": "4f0c4f0"}),
        ({"dry_run": True}, {"dry_run": True}),
        ({"allow_mass_removal": SHA}, {"allow_mass_removal": SHA}),
    ],
)
def test_a_sync_is_queued_as_it_was_asked_for(served, body, wanted):
    answer = served.post("/admin/catalog/sync", body)
    assert answer.status_code == 202
    href = f"/api/v1/admin/catalog/syncs/{answer.json['sync_id']}"
    assert answer.json == {"sync_id": answer.json["sync_id"], "status": "queued", "href": href}
    assert answer.headers["location"] == href
    sync = served.get(href.removeprefix("/api/v1")).json
    assert (sync["status"], sync["trigger"], sync["href"]) == ("queued", "manual", href)
    assert wanted.items() <= sync.items()


@pytest.mark.parametrize(
    "body",
    [
        {"mode": "fast"},
        {"commit": "main"},
        {"commit": ":/(((("},
        {"commit": "HEAD~1"},
        {"commit": "4f0c4f"},
        {"commit": "4F0C" * 10},
        {"commit": "a" * 65},
        {"commit": f"{SHA}\n"},
        {"dry_run": "yes"},
        {"allow_mass_removal": True},
        {"unknown": 1},
    ],
)
def test_a_sync_that_cannot_be_is_refused(served, body):
    problem(served.post("/admin/catalog/sync", body), 422, "bad-shape")
    assert served.store.queue() == []


def test_a_full_queue_takes_no_more(served):
    for _ in range(MAX_DRY_RUNS):
        assert served.post("/admin/catalog/sync", {"dry_run": True}).status_code == 202
    refused = served.post("/admin/catalog/sync", {"dry_run": True})
    assert "queued" in problem(refused, 503, "store-unavailable")["detail"]


def test_health_says_it_when_the_queues_head_was_cut_off_twice(served):
    served.push({"catalog/a/one.yaml": item("one")})
    served.post("/admin/catalog/sync", {})
    for deaths in (1, 2, 3):
        assert served.store.claim() is not None
        served.store.recover("WorkerCrashed", "the sync worker ended (SIGSEGV)")
        reasons = served.get("/health", None).json["reasons"]
        assert ("CutOff" in [one["code"] for one in reasons]) is (deaths >= 2)
        assert bool(_stuck(served.store, served.store.last_following())) is (deaths >= 2)
    sync = served.store.claim()
    served.store.finish(sync.id, SyncResult("completed", "UpToDate", ""))
    assert served.get("/health", None).json["reasons"] == []


def test_a_dry_run_is_cancelled(served):
    sync = served.post("/admin/catalog/sync", {"dry_run": True}).json
    assert served.store.claim(dry_run=True) is not None
    cancelled = served.delete(f"/admin/catalog/syncs/{sync['sync_id']}")
    assert (cancelled.status_code, cancelled.json["reason"]) == (200, "Cancelled")
    again = served.delete(f"/admin/catalog/syncs/{sync['sync_id']}")
    assert "has ended" in problem(again, 409, "conflict")["detail"]
    problem(served.delete("/admin/catalog/syncs/999"), 404, "not-found")
    running = served.post("/admin/catalog/sync", {}).json
    assert served.store.claim() is not None
    problem(served.delete(f"/admin/catalog/syncs/{running['sync_id']}"), 409, "conflict")


@pytest.mark.parametrize(
    "body",
    [
        *({}, {"commit": SHA}, {"reason": "why"}, {"commit": SHA, "reason": ""}, {"commit": "x"}),
        {"commit": SHA, "reason": "why", "allow_mass_removal": True},
    ],
)
def test_a_rollback_needs_a_commit_and_a_reason(served, body):
    problem(served.post("/admin/catalog/rollback", body), 422, "bad-shape")


def test_a_rollback_pins_and_a_resume_lets_go(served):
    body = {"commit": SHA, "reason": "the new sizes are wrong"}
    assert served.post("/admin/catalog/rollback", body).status_code == 202
    assert served.post("/admin/catalog/resume").status_code == 202
    back, on = served.store.queue()
    assert (back["trigger"], back["pin"], back["requested_commit"]) == ("rollback", "set", SHA)
    assert (on["trigger"], on["pin"]) == ("manual", "clear")
    claimed = served.store.claim()
    assert claimed.request.reason == body["reason"]


@pytest.mark.parametrize("noun", ["rollback", "resume"])
def test_leave_to_remove_many_documents_is_given_with_the_request(served, noun):
    needed = {"commit": SHA, "reason": "why"} if noun == "rollback" else {}
    asked = served.post(f"/admin/catalog/{noun}", needed | {"allow_mass_removal": SHA[:7]})
    assert asked.status_code == 202
    [queued] = served.store.queue()
    assert queued["allow_mass_removal"] == SHA[:7]
    assert served.store.claim().request.allow_mass_removal == SHA[:7]


def test_a_sync_is_waited_for(served):
    def work() -> None:
        while (claimed := served.store.claim()) is None:
            time.sleep(0.02)
        served.store.finish(claimed.id, SyncResult("completed", "UpToDate", ""))

    worker = threading.Thread(target=work)
    worker.start()
    answer = served.post("/admin/catalog/sync?wait=20", {})
    worker.join()
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["reason"]) == ("completed", "UpToDate")


def test_who_waits_for_a_superseded_sync_is_told_of_the_one_that_ran(served):
    first = served.post("/admin/catalog/sync", {}).json["sync_id"]

    def work() -> None:
        while len(served.store.queue()) < 2:
            time.sleep(0.02)
        claimed = served.store.claim()
        served.store.finish(claimed.id, SyncResult("completed", "UpToDate", ""))

    worker = threading.Thread(target=work)
    worker.start()
    answer = served.post("/admin/catalog/sync?wait=20", {})
    worker.join()
    assert answer.json["sync_id"] > first
    assert served.get(f"/admin/catalog/syncs/{first}").json["status"] == "superseded"


def test_a_wait_that_ends_first_is_answered_with_the_queued_sync(served):
    assert served.post("/admin/catalog/sync?wait=1", {}).status_code == 202


def test_status_tells_what_runs_and_waits_and_is_served(served):
    empty = served.get("/admin/catalog/sync/status").json
    assert (empty["current"], empty["last"], empty["queued"]) == (None, None, [])
    assert (empty["stale"], empty["pin"], empty["next_poll_at"]) == (True, None, None)
    served.push({POSTGRES: item()})
    served.post("/admin/catalog/sync", {})
    running = served.store.claim()
    served.post("/admin/catalog/sync", {"dry_run": True})
    status = served.get("/admin/catalog/sync/status").json
    assert (status["current"]["sync_id"], status["current"]["status"]) == (running.id, "running")
    assert [sync["dry_run"] for sync in status["queued"]] == [True]
    assert status["last"]["items_added"] == 1
    assert status["last"]["timings"] == {"fetch": 0.01}
    assert status["head"]["commit_hash"] == commit_hash(1)
    assert status["head"]["generation"] == 1
    assert not status["stale"]
    assert datetime.fromisoformat(status["next_poll_at"]) > datetime.now(UTC)


@pytest.mark.parametrize("status", ["failed", "blocked", "rejected"])
def test_a_sync_that_ends_badly_makes_the_catalog_stale(served, status):
    served.push({POSTGRES: item()})
    served.end(status)
    told = served.get("/admin/catalog/sync/status").json
    assert (told["stale"], told["last"]["error_message"]) == (True, "as the test wants it")
    assert [reason["code"] for reason in told["stale_reasons"]] == ["RemoteUnreachable"]
    health = served.get("/health", None).json
    assert (health["status"], health["stale"]) == ("degraded", True)
    assert "as the test wants it" not in str(health)
    assert served.client.simulate_get("/readyz").status_code == 200


def test_a_pin_is_told(served):
    served.push({POSTGRES: item()})
    served.pin(commit_hash(1))
    told = served.get("/admin/catalog/sync/status").json
    assert told["pin"]["commit_hash"] == commit_hash(1)
    assert told["pin"]["reason"] == "because"
    assert served.get("/health", None).json["pinned"] is True


def test_a_commit_is_asked_after(served):
    served.push({POSTGRES: item()})
    path = "/admin/catalog/sync/status?commit="
    assert served.get(path + commit_hash(1)).json["commit"] == {
        "commit_hash": commit_hash(1),
        "state": "applied",
    }
    assert served.get(path + SHA).json["commit"]["state"] is None
    for bad in ("main", SHA[:39], SHA + "0", ":/("):
        problem(served.get(path + bad), 400, "bad-parameter")


def test_syncs_are_listed_newest_first(served):
    ids = [served.end("failed") for _ in range(5)]
    first = served.get("/admin/catalog/syncs?limit=3").json
    cursor = first["pagination"]["next_cursor"]
    rest = served.get(f"/admin/catalog/syncs?limit=3&cursor={cursor}").json
    found = [sync["sync_id"] for sync in first["syncs"] + rest["syncs"]]
    assert found == sorted(ids, reverse=True)
    problem(served.get("/admin/catalog/syncs/999"), 404, "not-found")


def test_problems_are_listed_and_narrowed(served):
    broken = {"catalog/a/one.yaml": "name: [\n", "catalog/b/two.yaml": "name: two\n"}
    served.push(broken | {"catalog/b/web.yaml": bundle("web", "nothing")})

    def codes(query: str) -> set[str]:
        rows = served.get(f"/admin/catalog/validation-errors?{query}").json["validation_errors"]
        return {row["code"] for row in rows}

    assert codes("") >= {"yaml-syntax", "missing-key", "unresolved-item"}
    assert codes("severity=warning") == {"unresolved-item"}
    assert codes("code=yaml-syntax") == {"yaml-syntax"}
    assert codes("path=catalog/a/one.yaml") == {"yaml-syntax"}
    assert "yaml-syntax" not in codes("path=catalog/b")
    served.push({"catalog/a/one.yaml": None})
    assert "yaml-syntax" not in codes("")
    assert codes("status=resolved") == {"yaml-syntax"}
    assert "yaml-syntax" in codes("status=all")
    problem(served.get("/admin/catalog/validation-errors?status=old"), 400, "bad-parameter")


def test_problems_are_walked(served):
    served.push({f"catalog/a/x{number}.yaml": "name: [\n" for number in range(5)})
    found, cursor = [], ""
    for _ in range(3):
        page = served.get(f"/admin/catalog/validation-errors?limit=2{cursor}").json
        found += [row["path"] for row in page["validation_errors"]]
        cursor = f"&cursor={page['pagination']['next_cursor']}"
    assert len(set(found)) == len(found) == 5
    assert page["pagination"] == {"next_cursor": None, "has_more": False}


@pytest.mark.parametrize("kind", ["application/yaml", "text/plain", "application/json", ""])
def test_a_document_is_checked_before_it_is_committed(served, kind):
    headers = {"Content-Type": kind} if kind else {}
    good = served.post("/admin/catalog/validate", item().encode(), headers=headers)
    assert good.json == {"valid": True, "problems": []}
    bad = served.post("/admin/catalog/validate", b'{"name": "x"}', headers=headers).json
    assert bad["valid"] is False
    assert {one["code"] for one in bad["problems"]} == {"missing-key"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "empty-document"),
        (b"[" * 30_000, "too-complex"),
        (b"\xff", "not-utf8"),
        (b"!!python/object/apply:os.system [id]", "unsafe-tag"),
    ],
)
def test_hostile_documents_have_problems_and_nothing_else(served, body, code):
    headers = {"Content-Type": "application/yaml"}
    answer = served.post("/admin/catalog/validate", body, headers=headers)
    assert code in {one["code"] for one in answer.json["problems"]}


def test_a_document_has_a_size_and_a_type(served):
    headers = {"Content-Type": "application/yaml"}
    too_large = served.post("/admin/catalog/validate", b"x" * 262_145, headers=headers)
    problem(too_large, 413, "too-large")
    headers = {"Content-Type": "image/png"}
    other = served.post("/admin/catalog/validate", b"x", headers=headers)
    problem(other, 415, "unsupported-media-type")


def test_stats_count_by_kind_owner_and_category(served):
    served.push({POSTGRES: item(), "catalog/stacks/web.yaml": bundle("web", "postgres-database")})
    stats = served.get("/admin/catalog/stats").json
    assert stats["items"] == {"active": 1, "inactive": 0, "stale": 0}
    assert stats["bundles"]["unresolved"] == 0
    assert stats["by_owner"]["platform-data-team"] == {"items": 1, "bundles": 0}
    assert stats["by_category"]["stacks"] == {"items": 0, "bundles": 1}
    assert stats["last_updated_at"].endswith("Z")


def test_a10_health_liveness_and_readiness_are_three_things(served):
    assert served.client.simulate_get("/livez").json == {"status": "alive"}
    assert served.client.simulate_get("/readyz").status_code == 503
    unready = served.get("/health", None)
    assert (unready.status_code, unready.json["status"]) == (503, "unavailable")
    served.push({POSTGRES: item()})
    assert served.client.simulate_get("/readyz").json == {"status": "ready", "reason": None}
    health = served.get("/health", None)
    assert (health.status_code, health.json["status"]) == (200, "ok")
    assert health.json["commit_hash"] == commit_hash(1)


def test_a_catalog_that_was_not_checked_in_time_is_degraded(tmp_path):
    later = datetime.now(UTC) + timedelta(hours=1)
    served = Served(tmp_path, {"PAO_WEBHOOK_SECRET": ""}, now=lambda: later)
    served.push({POSTGRES: item()})
    health = served.get("/health", None).json
    assert (health["status"], health["webhooks"]) == ("degraded", "off")
    assert [reason["code"] for reason in health["reasons"]] == ["NotChecked"]
    served.store.close()
