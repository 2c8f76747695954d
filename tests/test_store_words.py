"""What a server says ends up in rows that people read: without secrets, and not without end."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from paod.config import load
from paod.daemon import open_store
from paod.model import SyncRequest, SyncResult
from paod.store import Store
from paod.store.base import LONGEST_WORDS
from tests.databases import url_in

CANARY = "canary-token-of-a-repository"
BASIC = base64.b64encode(f"robot:{CANARY}".encode()).decode()
SAID = f"ERR your token {CANARY} ({BASIC}) at https://robot:{CANARY}@h/x is bad"


@pytest.fixture(name="store")
def _store(tmp_path: Path, each_database: str) -> Store:
    settings = load(
        {
            "PAO_REPO_URL": "https://example.com/o/r.git",
            "PAO_REPO_TOKEN": CANARY,
            "PAO_REPO_USERNAME": "robot",
            "PAO_STATE_DIR": str(tmp_path),
            "PAO_DB_URL": url_in(tmp_path),
            "PAO_ALERT_URL": "https://alerts.example.com/",
            "PAO_ALERT_SECRET": "a-secret-of-alerts",
        }
    )
    store = open_store(settings)
    store.migrate()
    return store


def test_what_a_server_repeats_reaches_no_row(store: Store) -> None:
    for number in range(4):
        store.enqueue(SyncRequest("manual"))
        claimed = store.claim()
        assert claimed is not None
        if number:
            store.finish(claimed.id, SyncResult("failed", "RemoteError", SAID))
        else:
            store.recover("WorkerCrashed", SAID)
    store.cancel(store.enqueue(SyncRequest("manual")), SAID)
    message = store.claim_message("alert", 10.0)
    assert message is not None
    store.retry_message(message, 1.0, SAID)
    rows = [
        str(store.database.query(f"SELECT * FROM {table}"))
        for table in ("catalog_sync_status", "outbox")
    ]
    assert all("your token ***" in text for text in rows)
    assert not any(secret in text for text in rows for secret in (CANARY, BASIC))
    store.close()


def test_a_long_word_of_a_server_is_cut(store: Store) -> None:
    sync_id = store.enqueue(SyncRequest("manual"))
    store.claim()
    store.finish(sync_id, SyncResult("failed", "RemoteError", "x" * 60_000))
    row = store.sync(sync_id)
    assert row is not None
    assert len(row["message"]) == LONGEST_WORDS
    store.close()
