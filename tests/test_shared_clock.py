"""Machines whose clocks are hours apart: what they compare goes by the database's."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from paod.api.freshness import staleness
from paod.config import load
from paod.database import postgres_clock
from paod.database.postgres_clock import ServerClock
from paod.store import Store
from tests.databases import database_in, postgres_url_in

HOUR = timedelta(hours=1)

AHEAD = """
import datetime as real, json, sys

kept = real.datetime

class Ahead(real.datetime):
    @classmethod
    def now(cls, zone=None):
        return kept.now(zone) + real.timedelta(hours=1)

real.datetime = Ahead

import os
from paod.config import load
from paod.daemon import open_store
from paod.daemon.standing import standing_words

settings = load(os.environ)
store = open_store(settings)
store.touch_checked()
message = store.claim_message("alert", 120.0)
words = standing_words(store, settings, store.database.now())
print(json.dumps([str(Ahead.now(real.timezone.utc)), message and message.id, words]))
"""
"""A machine that is an hour ahead: it checks the branch, takes up a message, says how it stands."""


def in_an_hour(folder: Path, **more: str) -> object:
    environment = {
        "PATH": os.environ["PATH"],
        "PAO_REPO_URL": "https://github.com/org/repo.git",
        "PAO_STATE_DIR": str(folder),
        "PAO_DB_URL": postgres_url_in(folder),
        **more,
    }
    told = subprocess.run(
        [sys.executable, "-c", AHEAD], env=environment, capture_output=True, text=True
    )
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


@pytest.mark.usefixtures("each_database")
@pytest.mark.only_on("postgresql")
def test_a_machine_that_is_an_hour_ahead_hides_nothing_and_takes_nobodys_message(
    tmp_path: Path,
) -> None:
    store = Store(database_in(tmp_path))
    store.migrate()
    with store.database.atomic():
        store._queue_message("alert", "alert", {"alert": "held"}, None)
    mine = store.claim_message("alert", 120.0)
    assert mine is not None
    theirs, message, (words, ago) = in_an_hour(tmp_path)  # type: ignore[misc]
    here = datetime.now(UTC)
    assert datetime.fromisoformat(theirs) - here > HOUR / 2
    assert message is None  # the lease holds
    assert "stale" not in words
    assert ago < 60
    head = store.head()
    assert head.checked_at is not None
    assert abs(datetime.fromisoformat(head.checked_at) - here) < HOUR / 2
    settings = load({"PAO_REPO_URL": "https://github.com/org/repo.git"})
    late = store.database.now() + HOUR
    assert [one.code for one in staleness(head, None, settings, late)] == ["NotChecked"]
    store.close()


@pytest.mark.usefixtures("each_database")
def test_a_store_without_a_clock_goes_by_its_databases(tmp_path: Path) -> None:
    store = Store(database_in(tmp_path))
    store.migrate()
    store.touch_checked()
    found = datetime.fromisoformat(store.head().checked_at or "")
    assert abs(found - store.database.now()) < timedelta(seconds=30)
    store.close()


def test_the_servers_clock_is_asked_once_a_minute() -> None:
    steady, asked = [100.0], []

    def query(sql: str) -> list[dict[str, str]]:
        asked.append(sql)
        return [{"now": f"2026-01-01T00:0{len(asked)}:00.000Z"}]

    clock = ServerClock(lambda: steady[0])
    first = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    assert clock.now(query) == first
    steady[0] += postgres_clock.GOOD_FOR
    assert clock.now(query) == first + timedelta(seconds=postgres_clock.GOOD_FOR)
    assert len(asked) == 1
    steady[0] += 1.0
    assert clock.now(query) == first + timedelta(minutes=1)
    assert len(asked) == 2
