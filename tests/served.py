"""The API over a real database, without Git: documents are validated, folded, planned, applied."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from falcon.testing import Result, TestClient

from paod.api import create_app
from paod.catalog.fold import fold
from paod.catalog.plan import plan
from paod.config import load
from paod.model import Commit, Pin, Step, SyncRequest, SyncResult
from paod.store import Outlets, Store
from paod.validate import Rules, examine
from tests.databases import opened, url_in

ADMIN = "a-token-that-administers"
READER = "a-token-that-reads"
SECRET = "webhook-secret-123"
URL = "https://github.com/org/pao-repository.git"
POSTGRES = "catalog/databases/postgres-database.yaml"

HEADER = """\
name: {name}
version: "{version}"
description: {description}
owner: {owner}
tags: [{tags}]
"""
ITEM = """\
presentation:
  fields:
    - name: database_name
      type: string
      required: true
      max_length: {most}
      regexp: "^[a-z][a-z0-9_]*$"
      help_text: Database name
fulfillment:
  manual:
    system: jira
    template:
      project: PLATFORM
      issue_type: Service Request
      summary: "Create {{{{ database_name }}}}"
"""


def item(name: str = "postgres-database", extra: str = "", **changes: Any) -> str:
    """Return an item's file."""
    values = {
        "name": name,
        "version": "1.0.0",
        "description": "PostgreSQL database instance",
        "owner": "platform-data-team",
        "tags": "database, postgres, storage",
        "most": 63,
    }
    return (HEADER + ITEM).format(**(values | changes)) + extra


def bundle(name: str, *parts: str) -> str:
    """Return a bundle's file that requires some items."""
    header = HEADER.format(
        name=name, version="1.0.0", description="A bundle", owner="team", tags="stack"
    )
    required = [{"catalog_item": part, "version": ">=1.0.0"} for part in parts]
    return f"{header}bundle: {json.dumps({'required_items': required})}\n"


def commit_hash(number: int) -> str:
    """Return the hash of the commit of that number."""
    return hashlib.sha1(str(number).encode()).hexdigest()


def signed(body: bytes, secret: str = SECRET) -> str:
    """Return a body's signature header."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def problem(result: Result, status: int, kind: str) -> dict[str, Any]:
    """Check that an answer is a problem of a kind; return it."""
    assert result.status_code == status, result.text
    assert result.headers["content-type"] == "application/problem+json"
    assert result.headers["x-content-type-options"] == "nosniff"
    body: dict[str, Any] = result.json
    assert body["type"] == f"urn:paod:problem:{kind}"
    assert (body["status"], bool(body["title"]), bool(body["detail"])) == (status, True, True)
    return body


class Served:
    """One installation: settings, a store, the application over it, and a client."""

    def __init__(
        self,
        folder: Path,
        extra: Mapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        written: Callable[[], datetime] = lambda: datetime.now(UTC),
        outlets: Outlets | None = None,
        told: Path | None = None,
    ) -> None:
        """``now``: the time by which answers judge; ``written``: the one that rows are given."""
        self.settings = load(
            {
                "PAO_REPO_URL": URL,
                "PAO_STATE_DIR": str(folder),
                "PAO_DB_URL": url_in(folder),
                "PAO_ADMIN_TOKEN": ADMIN,
                "PAO_READ_TOKEN": READER,
                "PAO_WEBHOOK_SECRET": SECRET,
                **(extra or {}),
            }
        )
        self.store = Store(opened(self.settings.db_url), written, outlets=outlets)
        self.store.migrate()
        self.commits = 0
        self.app = create_app(self.store, self.settings, clock=clock, now=now, told=told)
        self.client = TestClient(self.app)

    def push(self, changes: Mapping[str, str | bytes | None]) -> int:
        """Commit files (None: deleted) and apply the commit; return the generation."""
        self.commits += 1
        commit = Commit(
            commit_hash(self.commits),
            "An Author",
            f"2026-01-01T00:00:{self.commits:02}Z",
            "subject",
        )
        examined = {path: self._examined(path, text) for path, text in changes.items()}
        self.store.enqueue(SyncRequest("manual"))
        claimed = self.store.claim()
        assert claimed is not None
        stored = self.store.load()
        step = Step(commit, tuple(sorted(examined.items())))
        planned = plan(stored, fold(stored.catalog, [step], "warn"), anew=False)
        result = SyncResult(
            "completed",
            "Succeeded",
            "",
            from_commit=stored.catalog.commit,
            to_commit=commit.hash,
            items=planned.items,
            bundles=planned.bundles,
            timings={"fetch": 0.01},
        )
        return self.store.apply(
            claimed.id, planned, result, commit=commit, basis="", touch_checked=True
        ).generation

    def end(self, status: Any, reason: str = "RemoteUnreachable", **request: Any) -> int:
        """Let one sync run and end without applying anything; return its id."""
        sync_id = self.store.enqueue(SyncRequest("manual", **request))
        assert self.store.claim(dry_run=request.get("dry_run", False)) is not None
        self.store.finish(sync_id, SyncResult(status, reason, "as the test wants it"))
        return sync_id

    def pin(self, commit: str) -> None:
        """Hold the catalog."""
        sync_id = self.store.enqueue(SyncRequest("rollback", commit=commit, pin="set"))
        self.store.claim()
        result = SyncResult("completed", "Succeeded", "")
        pin = Pin(commit, "because", "2026-01-01T00:00:00.000Z")
        self.store.finish(sync_id, result, pin=pin)

    def get(self, path: str, token: str | None = ADMIN, **more: Any) -> Result:
        """Ask for something under ``/api/v1``."""
        return self.client.simulate_get(f"/api/v1{path}", headers=_headers(token, more), **more)

    def delete(self, path: str) -> Result:
        """DELETE as an admin."""
        headers = {"Authorization": f"Bearer {ADMIN}"}
        return self.client.simulate_delete(f"/api/v1{path}", headers=headers)

    def post(self, path: str, body: Any = None, token: str | None = ADMIN, **more: Any) -> Result:
        """Post JSON, or bytes as they are, under ``/api/v1``."""
        headers = _headers(token, more)
        if isinstance(body, bytes):
            more["body"] = body
        elif body is not None:
            more["body"] = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        return self.client.simulate_post(f"/api/v1{path}", headers=headers, **more)

    def deliver(self, payload: Any, **headers: str) -> Result:
        """Post a signed webhook; ``headers`` by their names' last words replace the usual ones."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        sent = {
            "X-Hub-Signature-256": headers.pop("signature", signed(body)),
            "X-GitHub-Event": headers.pop("event", "push"),
            "X-GitHub-Delivery": headers.pop("delivery", "72d3162e-cc78-11e3-81ab-4c9367dc0958"),
            "Content-Type": headers.pop("type", "application/json"),
        }
        sent = {name: value for name, value in sent.items() if value != "-"}
        return self.client.simulate_post("/api/v1/webhooks/github", body=body, headers=sent)

    @staticmethod
    def _examined(path: str, text: str | bytes | None) -> Any:
        if text is None:
            return None
        data = text.encode() if isinstance(text, str) else text
        return examine(path, data, hashlib.sha1(data).hexdigest(), Rules())


def _headers(token: str | None, more: dict[str, Any]) -> dict[str, str]:
    headers = dict(more.pop("headers", {}))
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return headers
