"""What holds after each fault: everything that was pushed, told, confirmed and written."""

from __future__ import annotations

import itertools
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

from tests.chaos.clients import (
    CATALOG,
    Follower,
    Gone,
    Looker,
    Pusher,
    Refused,
    answer,
    read_whole,
)
from tests.chaos.site import Faulty, Site, until
from tests.faults.test_machines import GONE, Machine

PATIENCE = 120.0
"""Seconds after which what has not come is taken for what never comes, whatever the load."""


def serves_after(site: Site, since: float) -> dict[str, float]:
    """Return after how many seconds each machine served again."""

    def wait(machine: Machine) -> float:
        def serves() -> bool:
            with suppress(*GONE):
                status: int = machine.ask("GET", f"{CATALOG}/items", timeout=5.0)[0]
                return status == 200
            return False

        until(serves, PATIENCE, f"{machine.name} serves again")
        return time.monotonic() - since

    with ThreadPoolExecutor() as pool:
        found = pool.map(wait, site.machines)
        return {one.name: took for one, took in zip(site.machines, found, strict=True)}


def all_is_visible(site: Site, author: Pusher) -> float:
    """Wait until every machine serves the last push, and nothing is under way."""

    def at_rest(machine: Machine) -> bool:
        with suppress(*GONE, Refused):
            told = answer(lambda path: machine.ask("GET", path), SYNC_STATUS)
            commit: str = told["head"]["commit_hash"]
            return not told["current"] and not told["queued"] and commit == author.commits[-1]
        return False

    return max(
        until(lambda one=one: at_rest(one), PATIENCE, f"{one.name} serves the last push")
        for one in site.machines
    )


SYNC_STATUS = "/api/v1/admin/catalog/sync/status"


def copies_are_equal(site: Site, author: Pusher, followers: list[Follower]) -> None:
    """Hold what each machine serves, and each follower has, against what was pushed."""
    slots = [*author.slots, *author.bundles.values()]
    wanted = {one.name: one.version for one in slots if one.state == "served"}
    kept = {one.name for one in slots if one.state == "broken"}
    first: Any = None
    for machine in site.machines:
        found = _whole(machine)
        first = first or found
        versions = {name: body["version"] for (_, name), body in found[0].items()}
        if {k: v for k, v in versions.items() if k not in kept} != wanted:
            raise Faulty(f"{machine.name} serves {versions}, pushed was {wanted}, broken {kept}")
        if found != first:
            raise Faulty(f"{machine.name} and another one: {_difference(found[0], first[0])}")
    whole, state = first
    for one in followers:
        until(lambda one=one: one.known == state, PATIENCE, f"a follower is at {state}")
        if one.copy != whole:
            raise Faulty(f"a follower's copy is another one: {_difference(one.copy, whole)}")


def _whole(machine: Machine) -> Any:
    found: list[Any] = []

    def read() -> bool:
        with suppress(*GONE, Refused, Gone):
            found.append(read_whole(lambda path: machine.ask("GET", path)))
        return bool(found)

    until(read, PATIENCE, f"{machine.name} is read whole")
    return found[0]


def _difference(one: dict[Any, Any], other: dict[Any, Any]) -> str:
    keys = [key for key in one.keys() | other.keys() if one.get(key) != other.get(key)]
    return "\n".join(f"{key}: {one.get(key)} / {other.get(key)}" for key in keys[:3])


def rows_hold(site: Site, author: Pusher, since: int) -> int:
    """Hold the tables against what was pushed and confirmed; return the number of confirmations.

    ``since``: how many of them were looked at before.
    """
    _histories(site, author)
    _one_at_a_time(site)
    told = author.taken[since:]
    lost = {delivery for when, delivery in told if any(a <= when <= b for a, b in site.lost)}
    stored = {
        row["delivery_id"]: row["status"]
        for row in site.query(DELIVERIES, [delivery for _, delivery in told])
    }
    for _, delivery in told:
        if delivery not in lost and stored.get(delivery) not in ENDED:
            raise Faulty(f"{delivery} was confirmed, and its sync is {stored.get(delivery)}")
    return len(author.taken)


ENDED = ("completed", "failed")
"""How a confirmed delivery's sync may end: one that a fault let fail is made up for by the next."""
DELIVERIES = """
WITH RECURSIVE told AS (
    SELECT e.delivery_id, s.status, s.superseded_by
    FROM webhook_events e JOIN catalog_sync_status s ON s.id = e.sync_id
    WHERE e.delivery_id = ANY(%s)
    UNION
    SELECT t.delivery_id, s.status, s.superseded_by
    FROM told t JOIN catalog_sync_status s ON s.id = t.superseded_by
) SELECT delivery_id, status FROM told WHERE superseded_by IS NULL
"""
HISTORY = """
SELECT e.name, v.revision, v.commit_hash FROM {0}_versions v JOIN {0}s e ON e.id = v.{1}_id
ORDER BY e.id, v.revision
"""
SYNCS = """
SELECT id, status, reason, sync_started_at AS began, sync_completed_at AS ended
FROM catalog_sync_status WHERE sync_started_at IS NOT NULL
ORDER BY sync_started_at, sync_completed_at
"""


def _histories(site: Site, author: Pusher) -> None:
    """Each entry has one revision for each commit that changed it, and no other."""
    rows = [
        row
        for table, kind in (("catalog_item", "item"), ("catalog_bundle", "bundle"))
        for row in site.query(HISTORY.format(table, kind))
    ]
    found = {name: list(group) for name, group in itertools.groupby(rows, lambda row: row["name"])}
    for slot in (*author.slots, *author.bundles.values()):
        commits = [row["commit_hash"] for row in found[slot.name]]
        numbers = [row["revision"] for row in found[slot.name]]
        if commits != slot.commits or numbers != list(range(1, len(commits) + 1)):
            raise Faulty(f"{slot.name} has {found[slot.name]}, pushed was {slot.commits}")


def _one_at_a_time(site: Site) -> None:
    for one, following in itertools.pairwise(site.query(SYNCS)):
        if one["ended"] is None or one["ended"] > following["began"]:
            raise Faulty(f"two syncs at a time: {one}, {following}")


def clients_are_well(clients: list[Looker | Follower | Pusher]) -> None:
    """Raise what a client found."""
    for client in clients:
        if client.faults:
            raise Faulty(f"{type(client).__name__}: {client.faults[:3]}")
