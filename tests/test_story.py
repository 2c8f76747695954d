"""The user story, step by step: a real ``paod serve``, a real repository, signed webhooks.

A platform engineer points paod at a repository with five settings, sees the first item, connects
the webhook, pushes a second item and sees it; then what the story found missing: a broken file, a
bad merge rolled back, a failed sync that is seen and heals.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import http.client
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.databases import on_each_database, url_in
from tests.origin import Origin
from tests.running import Running

pytestmark = on_each_database

SECRET = "webhook-secret-123"
EXAMPLES = Path(__file__).parent.parent / "config" / "example-catalog"
POSTGRES = "catalog/databases/postgres-database.yaml"
EKS = "catalog/compute/eks-container-app.yaml"


def example(path: str) -> str:
    return (EXAMPLES / path).read_text(encoding="utf-8")


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    with Origin(tmp_path, name="pao-repository.git") as made:
        made.write(POSTGRES, example(POSTGRES)).commit("Add PostgreSQL catalog item")
        yield made


@pytest.fixture
def paod(tmp_path: Path, origin: Origin) -> Iterator[Running]:
    running = Running(
        tmp_path / "state",
        origin.url,
        PAO_REPO_BRANCH="main",
        PAO_SYNC_INTERVAL="300",
        PAO_WEBHOOK_SECRET=SECRET,
        PAO_DB_URL=url_in(tmp_path / "state"),
    )
    yield running
    running.kill()


def push(
    paod: Running, payload: dict[str, Any], secret: str = SECRET, delivery: str = ""
) -> tuple[int, dict[str, Any]]:
    """Deliver a push as GitHub does: the raw body signed, with its three headers."""
    body = json.dumps(payload).encode()
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    headers = {
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": delivery or str(uuid.uuid4()),
        "X-Hub-Signature-256": f"sha256={signature}",
        "Content-Type": "application/json",
    }
    address = ("127.0.0.1", paod.port)
    with contextlib.closing(http.client.HTTPConnection(*address, timeout=10)) as connection:
        connection.request("POST", "/api/v1/webhooks/github", body, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())


def payload(origin: Origin, **files: list[str]) -> dict[str, Any]:
    """Return the story's payload for the branch's newest commit."""
    commit = {"id": origin.head, "message": "a change", "added": [], "modified": [], "removed": []}
    return {
        "ref": "refs/heads/main",
        "after": origin.head,
        "commits": [commit | files],
        "repository": {"clone_url": origin.url},
    }


def test_the_story(paod: Running, origin: Origin) -> None:
    # Steps 1 to 4: configured, cloned, the first item parsed and stored
    paod.wait_for_names("postgres-database")
    listed = paod.get("/api/v1/catalog/items")
    (entry,) = listed["items"]
    assert entry["version"] == "1.0.0"
    assert entry["description"] == "PostgreSQL database instance"
    assert entry["owner"] == "platform-data-team"
    assert entry["tags"] == ["database", "postgres", "storage"]
    assert entry["category"] == "databases"
    assert entry["href"] == "/api/v1/catalog/items/postgres-database"
    assert listed["pagination"] == {"next_cursor": None, "has_more": False}
    (sync,) = paod.syncs()
    assert (sync["status"], sync["items_added"]) == ("completed", 1)
    assert sync["commit_hash"] == origin.head
    assert sync["trigger"] == "startup"

    item = paod.get(entry["href"])
    (field,) = item["presentation"]["fields"]
    assert (field["name"], field["max_length"]) == ("database_name", 63)
    assert item["fulfillment"]["manual"]["template"]["project"] == "PLATFORM"
    digest = hashlib.sha256(example(POSTGRES).encode()).hexdigest()
    assert item["source"] == {"path": POSTGRES, "commit": origin.head, "hash": f"sha256:{digest}"}

    # Steps 5 and 6: the webhook, a push, the new item
    origin.write(EKS, example(EKS)).commit("Add EKS container app catalog item")
    delivery = str(uuid.uuid4())
    status, answer = push(paod, payload(origin, added=[EKS]), delivery=delivery)
    assert status == 200
    assert (answer["status"], answer["sync_triggered"]) == ("accepted", True)
    assert answer["delivery_id"] == delivery
    paod.wait_for_names("eks-container-app", "postgres-database")
    sync = paod.get(f"/api/v1/admin/catalog/syncs/{answer['sync_id']}")
    assert (sync["status"], sync["items_added"], sync["mode"]) == ("completed", 1, "incremental")
    assert (sync["trigger"], sync["commit_hash"]) == ("webhook", origin.head)
    assert sync["webhook"]["after"] == origin.head
    event = paod.get(f"/api/v1/admin/webhooks/events/{delivery}")
    assert event["sync_id"] == answer["sync_id"]
    assert push(paod, payload(origin), delivery=delivery)[1]["status"] == "duplicate"

    # A forged push changes nothing and is nowhere stored
    status, _ = push(paod, payload(origin), secret="guessed")
    assert status == 401
    assert len(paod.get("/api/v1/admin/webhooks/events")["events"]) == 1

    breaks_and_mends(paod, origin)
    rolls_back(paod, origin)
    heals(paod, origin)


def breaks_and_mends(paod: Running, origin: Origin) -> None:
    """A malformed file: told with its line, served from its last good document, then mended."""
    text = example(POSTGRES)
    broken = text.replace("type: string", "type: strng")
    assert broken != text
    origin.write(POSTGRES, broken).commit("Break it")
    push(paod, payload(origin, modified=[POSTGRES]))
    item = "/api/v1/catalog/items/postgres-database"
    stale = paod.wait_for(lambda: paod.get(item)["stale"])
    assert stale == {"since_commit": origin.head, "problems": 1}
    assert paod.get(item)["presentation"]["fields"][0]["type"] == "string"
    (problem,) = paod.get("/api/v1/admin/catalog/validation-errors")["validation_errors"]
    assert (problem["code"], problem["path"]) == ("unknown-type", POSTGRES)
    assert broken.splitlines()[problem["line"] - 1].strip().startswith("type: strng")
    assert problem["pointer"] == "/presentation/fields/0/type"
    assert problem["hint"] == "did you mean 'string'?"
    origin.write(POSTGRES, text).commit("Mend it")
    push(paod, payload(origin, modified=[POSTGRES]))
    paod.wait_for(lambda: paod.get(item)["stale"] is None)
    assert paod.get("/api/v1/admin/catalog/validation-errors")["validation_errors"] == []


def rolls_back(paod: Running, origin: Origin) -> None:
    """A bad catalog update: held at the commit before, resumed when it is put right."""
    good = origin.head
    text = example(EKS).replace('version: "1.', 'version: "9.')
    origin.write(EKS, text).commit("A bad merge")
    push(paod, payload(origin, modified=[EKS]))
    item = "/api/v1/catalog/items/eks-container-app"
    paod.wait_for(lambda: paod.get(item)["version"].startswith("9."))
    body = {"commit": good, "reason": "the form is wrong"}
    status, answer = paod.ask("POST", "/api/v1/admin/catalog/rollback", body)
    assert status == 202, answer
    paod.wait_for(lambda: not paod.get(item)["version"].startswith("9."))
    pin = paod.status()["pin"]
    assert (pin["commit_hash"], pin["reason"]) == (good, "the form is wrong")
    origin.write(EKS, example(EKS)).commit("Revert the bad merge")
    _, answer = push(paod, payload(origin, modified=[EKS]))
    sync = f"/api/v1/admin/catalog/syncs/{answer['sync_id']}"
    assert paod.wait_for(lambda: ended(paod, sync))["reason"] == "Pinned"
    paod.ask("POST", "/api/v1/admin/catalog/resume")
    paod.wait_for(lambda: paod.status()["head"]["commit_hash"] == origin.head)
    assert paod.status()["pin"] is None


def heals(paod: Running, origin: Origin) -> None:
    """A failed sync: seen in status and health, the catalog served on, healed by itself."""
    away = origin.path.with_name("away.git")
    origin.close()
    origin.path.rename(away)
    identifier = paod.sync()
    sync = paod.wait_for(lambda: ended(paod, f"/api/v1/admin/catalog/syncs/{identifier}"))
    assert sync["status"] == "failed"
    assert paod.get("/api/v1/health")["status"] != "ok"
    assert len(paod.names()) == 2
    away.rename(origin.path)
    paod.wait_for(lambda: paod.get("/api/v1/health")["status"] == "ok")


def ended(paod: Running, path: str) -> dict[str, Any] | None:
    """Return a sync once it has ended."""
    sync: dict[str, Any] = paod.get(path)
    return None if sync["status"] in ("queued", "running") else sync
