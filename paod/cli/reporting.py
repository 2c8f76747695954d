"""``paod status`` and ``paod problems``: how the catalog stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import click

from paod.api.standing import standing
from paod.cli.findings import print_findings, tally
from paod.cli.opening import opened
from paod.cli.options import as_json, with_database_settings
from paod.cli.outcome import counted, short, summary
from paod.cli.output import print_json, print_line, print_pairs
from paod.config import Settings
from paod.daemon import daemon_running
from paod.store import ProblemFilters, Store

PAGE = 500


@click.command()
@as_json
@with_database_settings
def status(settings: Settings, *, as_json: bool) -> None:
    """Tell what is served, since when, and what waits."""
    with opened(settings) as store:
        found = _status(store, settings)
    found["daemon_running"] = daemon_running(settings)
    if as_json:
        print_json(found)
    else:
        print_pairs(_lines(found))


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


def _status(store: Store, settings: Settings) -> dict[str, Any]:
    """Return what the API's sync status says, and the catalog in figures."""
    return standing(store, settings, datetime.now(UTC)) | {"stats": store.stats()}


def _lines(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    head, pin, stats = found["head"], found["pin"], found["stats"]
    served = f"{short(head['commit_hash'])} since {head['synced_at']}"
    yield "serves", served if head["commit_hash"] else "nothing yet"
    yield "generation", head["generation"]
    yield "checked", head["checked_at"]
    yield (
        "held",
        f"at {short(pin['commit_hash'])} since {pin['since']}: {pin['reason']}" if pin else None,
    )
    for one in found["item_pins"]:
        yield "pinned", _pinned(one)
    yield "stale", "; ".join(reason["message"] for reason in found["stale_reasons"]) or None
    for kind in ("items", "bundles"):
        yield kind, _counts(stats[kind])
    errors, warnings = (stats["problems"][severity] for severity in ("error", "warning"))
    yield "problems", f"{counted(errors, 'error')}, {counted(warnings, 'warning')}"
    yield "last", summary(found["last"]) if found["last"] else None
    current = found["current"]
    yield "running", f"sync {current['sync_id']} ({current['phase']})" if current else None
    yield "queued", len(found["queued"]) or None
    yield "daemon", "runs" if found["daemon_running"] else "does not run"


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
