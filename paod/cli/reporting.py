"""``paod status`` and ``paod problems``: how the catalog stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import click

from paod.api.standing import standing
from paod.cli.exits import Exit
from paod.cli.findings import print_findings, tally
from paod.cli.opening import opened
from paod.cli.options import as_json, with_database_settings
from paod.cli.outcome import counted, short, since, summary
from paod.cli.output import print_json, print_line, print_pairs
from paod.config import Settings
from paod.daemon import daemon_running
from paod.store import ProblemFilters, Store

PAGE = 500


@click.command()
@as_json
@with_database_settings
def status(settings: Settings, *, as_json: bool) -> int:
    """Say what is served, since when, and what waits.

    The exit status is 1 when the catalog may be behind the branch. All of it stands in the
    database, so it is told of a daemon that is dead as well.
    """
    with opened(settings) as store:
        now = store.database.now()
        found = _status(store, settings, now)
    found["daemon_running"] = daemon_running(settings)
    if as_json:
        print_json(found)
    else:
        print_pairs(_lines(found, now), {"stale": "yellow", "held": "yellow", "pinned": "yellow"})
    return Exit.FAILED if found["stale"] else Exit.FINE


@click.command()
@click.option(
    "--status",
    "state",
    type=click.Choice(["open", "resolved", "all"]),
    default="open",
    show_default=True,
)
@click.option("--severity", type=click.Choice(["error", "warning"]))
@click.option("--code", help="Only those with this code.")
@click.option("--path", help="Only those of this file, or of the files in this folder.")
@as_json
@with_database_settings
def problems(
    settings: Settings,
    *,
    state: Any,
    severity: str | None,
    code: str | None,
    path: str | None,
    as_json: bool,
) -> None:
    """List what is wrong with documents."""
    filters = ProblemFilters(state, severity, code, path)
    with opened(settings) as store:
        found = sorted(_problems(store, filters), key=lambda one: (one["path"], one["line"]))
    if as_json:
        print_json({"validation_errors": found})
        return
    print_findings(found)
    print_line(tally(found))


def _problems(store: Store, filters: ProblemFilters) -> Iterator[dict[str, Any]]:
    after: Any = None
    while True:
        page = store.problems(filters, after, PAGE)
        yield from page.rows
        after = page.next
        if after is None:
            return


def _status(store: Store, settings: Settings, now: datetime) -> dict[str, Any]:
    """Return what the API's sync status says, the catalog in figures, and the last sign of life."""
    found = standing(store, settings, now)
    life = _sign_of_life(store, found)
    return found | {
        "stats": store.stats(),
        "last_sign_of_life": life,
        "moved_to": store.moved_to(),
    }


def _sign_of_life(store: Store, found: Mapping[str, Any]) -> str | None:
    """Return when the database was last written for a sync, a poll or a delivery."""
    syncs = [sync for sync in (found["current"], found["last"]) if sync is not None]
    deliveries = store.events(None, 1).rows
    moments = [
        *(found["head"][name] for name in ("synced_at", "checked_at")),
        *(sync[name] for sync in syncs for name in ("sync_started_at", "sync_completed_at")),
        *(event["last_received_at"] for event in deliveries),
    ]
    return max((moment for moment in moments if moment is not None), default=None)


def _lines(found: Mapping[str, Any], now: datetime) -> Iterator[tuple[str, Any]]:
    head, pin, stats = found["head"], found["pin"], found["stats"]
    served = f"{short(head['commit_hash'])} since {since(head['synced_at'], now)}"
    yield "serves", served if head["commit_hash"] else "nothing yet"
    moved = found["moved_to"]
    yield "moved", f"the repository is at {moved} now: set PAO_REPO_URL" if moved else None
    yield "generation", head["generation"]
    yield "checked", since(head["checked_at"], now)
    yield (
        "held",
        f"at {short(pin['commit_hash'])} since {pin['since']}: {pin['reason']}" if pin else None,
    )
    for one in found["item_pins"]:
        yield "pinned", _pinned(one)
    yield "went back", _went_back(found["went_back"])
    yield "stale", "; ".join(reason["message"] for reason in found["stale_reasons"]) or None
    for kind in ("items", "bundles"):
        yield kind, _counts(stats[kind])
    errors, warnings = (stats["problems"][severity] for severity in ("error", "warning"))
    yield "problems", f"{counted(errors, 'error')}, {counted(warnings, 'warning')}"
    yield "last", summary(found["last"]) if found["last"] else None
    current = found["current"]
    yield "running", f"sync {current['sync_id']} ({current['phase']})" if current else None
    yield "queued", len(found["queued"]) or None
    leader = found["leader"]
    yield "leader", f"{leader['instance']} since {leader['since']}" if leader else None
    life = since(found["last_sign_of_life"], now) or "none"
    yield "daemon", "runs" if found["daemon_running"] else f"does not run; last sign of life {life}"


def _went_back(found: Mapping[str, Any] | None) -> str | None:
    if found is None:
        return None
    lost = found["from_generation"]
    came = f"from generation {lost} " if lost is not None else ""
    return f"{came}to generation {found['to_generation']} at {found['at']}"


def _pinned(pin: Mapping[str, Any]) -> str:
    branch = pin["branch"]
    there = f"revision {branch['revision']} ({branch['version']})"
    return (
        f"{pin['name']} at revision {pin['revision']} ({pin['version']}) since {pin['since']}:"
        f" {pin['reason']}; the branch {'has ' + there if branch['is_active'] else 'removed it'}"
    )


def _counts(counts: Mapping[str, int]) -> str:
    others = [f"{number} {name}" for name, number in counts.items() if name != "active" and number]
    return ", ".join([str(counts["active"]), *others])
