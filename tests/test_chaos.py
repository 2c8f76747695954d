"""A short run of what comes and goes for hours each night (``tests.chaos``), and its own eyes.

Nothing here is held against a clock: each fault lasts until enough was pushed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.chaos import checks
from tests.chaos.__main__ import Run
from tests.chaos.faults import FAULTS
from tests.chaos.site import Faulty
from tests.postgres import MEMORY

FEW = ("a failover that loses commits", "a dump is restored", "workers are killed")


@pytest.fixture(name="run")
def _run() -> Iterator[Run]:
    with tempfile.TemporaryDirectory(prefix="chaos-", dir=MEMORY) as name, ExitStack() as stack:
        Path(name).chmod(0o755)
        yield Run(Path(name), stack, 1)


def forget_a_revision(run: Run) -> None:
    run.site.execute(
        "DELETE FROM paod.catalog_item_versions WHERE id = (SELECT max(id) FROM"
        " paod.catalog_item_versions)"
    )


def forget_a_delivery(run: Run) -> None:
    run.site.execute(
        f"DELETE FROM paod.webhook_events WHERE delivery_id = '{run.author.taken[-1][1]}'"
    )


def overlap(run: Run) -> None:
    run.site.execute(
        "UPDATE paod.catalog_sync_status SET sync_completed_at = sync_completed_at + interval '1 h'"
        " WHERE sync_started_at = (SELECT min(sync_started_at) FROM paod.catalog_sync_status)"
    )


def change_a_copy(run: Run) -> None:
    run.followers[0].copy.popitem()


SPOILED: dict[Callable[[Run], None], str] = {
    forget_a_delivery: "was confirmed",
    overlap: "two syncs at a time",
    forget_a_revision: "pushed was",
    change_a_copy: "a follower's copy",
}
"""What is done to it, each seen before the former one is, and what is said then."""


@pytest.mark.timeout(300)
def test_after_each_fault_all_that_was_pushed_is_there(run: Run) -> None:
    checks.serves_after(run.site, 0.0)
    for fault in FAULTS:
        if fault.name in FEW:
            run.live_through(fault, 0.0, pushes=3)
    assert sum(one.faults for one in run.seen.values()) == len(FEW)
    assert run.seen[FEW[0]].gone + run.seen[FEW[1]].gone >= 2
    with run.author.gate:
        checks.all_is_visible(run.site, run.author)
        for spoil, said in SPOILED.items():
            spoil(run)
            with pytest.raises(Faulty, match=said):
                look(run)


def look(run: Run) -> None:
    checks.copies_are_equal(run.site, run.author, run.followers)
    checks.rows_hold(run.site, run.author, 0)
