"""``kill -9`` at random moments of syncs: the catalog before or after, and always convergence.

PAOD_KILLS=100 pytest tests/faults/test_kill.py
"""

import contextlib
import os
import random
import signal
import threading
import time

import pytest

from tests.databases import on_each_database, url_in
from tests.origin import Origin
from tests.running import Running, item

pytestmark = on_each_database

KILLS = int(os.environ.get("PAOD_KILLS", "12"))
FILES = 5
LONGEST_SYNC = 0.08
"""Seconds from a request within which most kills shall fall."""


def write_round(origin, number):
    """Let every document say which round it is of; return the commit."""
    for name in range(FILES):
        text = item(f"item-{name}").replace("An item", f"round {number}")
        origin.write(f"catalog/things/item-{name}.yaml", text.replace("1.0.0", f"1.{number}.0"))
    return origin.commit(f"Round {number}")


def rounds(running):
    """Return which rounds the items that are served together are of."""
    items = running.get("/api/v1/catalog/items?limit=100")["items"]
    return {one["description"] for one in items}


def check_always(running, end, mixed):
    while not end.is_set():
        if len(found := rounds(running)) > 1:
            mixed.append(found)
        time.sleep(0.01)


@pytest.mark.timeout(60 + 5 * KILLS)
def test_d1_killed_at_random_moments_it_serves_before_or_after_and_converges(tmp_path):
    seed = random.randrange(2**32)
    moments = random.Random(seed)
    with Origin(tmp_path) as origin:
        write_round(origin, 0)
        url = url_in(tmp_path / "state")
        running = Running(tmp_path / "state", origin.url, PAO_DB_URL=url)
        running.wait_for(lambda: rounds(running) == {"round 0"})
        end, mixed, interrupted = threading.Event(), [], []
        checking = threading.Thread(target=check_always, args=(running, end, mixed))
        checking.start()
        try:
            for number in range(1, KILLS + 1):
                commit = write_round(origin, number)
                request = running.sync()
                time.sleep(moments.uniform(0, LONGEST_SYNC))
                with contextlib.suppress(ProcessLookupError):
                    os.kill(running.workers("sync")[-1], signal.SIGKILL)
                running.wait_for(lambda number=number: rounds(running) == {f"round {number}"})
                interrupted += settle(running, commit, request)
        finally:
            end.set()
            checking.join(10)
            running.kill()
    assert not mixed, f"seed {seed}"
    assert interrupted or KILLS < 30, "no kill fell into a sync"


def settle(running, commit, request):
    """Wait until nothing is under way; return the request's syncs that were cut off."""

    def at_rest():
        status = running.status()
        return not status["current"] and not status["queued"]

    running.wait_for(at_rest)
    assert running.status()["head"]["commit_hash"] == commit
    cut_off = []
    while (row := running.get(f"/api/v1/admin/catalog/syncs/{request}"))["status"] == "failed":
        cut_off.append(request)
        request = row["superseded_by"]
    assert row["status"] == "completed", "the request was not lost"
    return cut_off
