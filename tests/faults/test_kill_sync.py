"""``kill -9`` at random moments of syncs: the catalog before or after, and nothing asked for lost.

Each round commits a change to three files at once, asks for a sync, lets a child process carry it
out and kills it somewhere on the way. Whoever comes next takes the work up.
"""

from __future__ import annotations

import os
import random
import signal
import time
from pathlib import Path

import pytest

from paod.model import SyncRequest
from paod.store import EntryFilters
from paod.sync import run
from tests.databases import chosen, on_each_database
from tests.model import Spec
from tests.origin import Origin
from tests.render import render
from tests.syncing import Paod

pytestmark = on_each_database

KILLS = int(os.environ.get("PAOD_KILLS", "50"))
NAMES = ("ant", "bee", "cow")


def child_syncs(paod: Paod) -> None:
    """Take up what is left, as a sync worker does when it starts; never returns."""
    try:
        paod.start()
        with paod.database.sync_lock(5.0) as mine:
            assert mine
            paod.store.recover()
            while (claimed := paod.store.claim()) is not None:
                run(claimed, paod.shop)
    finally:
        os._exit(0)


def run_child(paod: Paod, after: float | None) -> None:
    """Run a child, and kill it after so many seconds unless that is None."""
    child = os.fork()
    if child == 0:
        child_syncs(paod)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def served(paod: Paod) -> tuple[str | None, set[str]]:
    """Return the applied commit and the versions served, in one snapshot."""
    with paod.database.snapshot():
        rows = paod.store.items(EntryFilters(), None, 10).rows
        return paod.store.head().commit, {row["version"] for row in rows}


@pytest.mark.timeout(240)
def test_many_kills_leave_the_catalog_before_or_after(tmp_path: Path) -> None:
    random_moment = random.Random(20261123).uniform
    origin = Origin(tmp_path)
    paod = Paod(tmp_path / "state", origin)
    commits: dict[str | None, str] = {None: ""}
    asked = cut_off = 0
    longest = 0.08
    for round_ in range(KILLS):
        version = (1, round_, 0)
        for name in NAMES:
            origin.write(f"catalog/data/{name}.yaml", render(Spec(name, round_, version)))
        commits[origin.commit()] = f"1.{round_}.0"
        paod.store.enqueue(SyncRequest("manual"))
        asked += 1
        run_child(paod, random_moment(0.0, longest))
        commit, versions = served(paod)
        assert versions == ({commits[commit]} if commit else set())
        killed_in_time = commit != origin.head
        cut_off += killed_in_time
        longest *= 1.15 if killed_in_time else 0.8  # whatever this machine's speed: half and half
    assert KILLS // 10 < cut_off < KILLS - KILLS // 10, (
        f"{cut_off} of {KILLS} kills came before the commit"
    )
    run_child(paod, None)
    assert served(paod) == (origin.head, {f"1.{KILLS - 1}.0"})
    check_rows(paod, asked)


def check_rows(paod: Paod, asked: int) -> None:
    """Each request ended; the ones cut off say so; the database is whole; histories agree."""
    rows = paod.database.query("SELECT status, reason FROM catalog_sync_status")
    assert not [row for row in rows if row["status"] in ("queued", "running")]
    assert len(rows) >= asked
    ended = {(row["status"], row["reason"]) for row in rows}
    assert ("failed", "Interrupted") in ended
    assert {status for status, _ in ended} <= {"completed", "failed", "superseded"}
    if chosen() == "sqlite":
        assert paod.database.query("PRAGMA integrity_check") == [{"integrity_check": "ok"}]
    for name in NAMES:
        page = paod.store.versions("item", name, None, KILLS + 1)
        assert page is not None
        assert [row["revision"] for row in page.rows] == list(range(KILLS, 0, -1))
