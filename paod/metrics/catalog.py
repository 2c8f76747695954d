"""What the database knows, as metrics: the same on every machine, and after every restart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import product
from typing import Final, get_args

from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)

from paod.errors import StoreError
from paod.model import Edition, Kind, Trigger
from paod.store import Census, Figures, Store
from paod.store.counters import BEYOND, BOUNDS, CHANGES, PHASES, SUM, SYNCS, VISIBLE

ENDS: Final = ("completed", "failed", "rejected", "blocked", "superseded")
CHANGED: Final = ("added", "updated", "removed")
STATES: Final = ("fresh", "stale", "removed")
TOLD: Final = ("delivered", "retried", "refused", "expired", "dropped")

Totals = Mapping[tuple[str, str, str], int]
"""By counter, label and detail."""


class CatalogCollector:
    """Asks a store at each scrape; what is dear to count only if it can have changed."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counted: tuple[tuple[Edition, int], Census] | None = None

    def collect(self) -> Iterator[Metric]:
        """Yield all families; of a database that cannot be read only that it cannot."""
        try:
            figures = self._store.figures()
            census = self._census(figures)
            leader = self._leader()
        except StoreError:
            yield _gauge("database_up", "Whether the database can be read.", 0)
            return
        yield _gauge("database_up", "Whether the database can be read.", 1)
        if leader is not None:
            yield _gauge("leader", "Whether some machine syncs.", leader)
        yield from _of_syncs(figures)
        yield from _of_counters(figures.counters)
        yield from _of_head(figures)
        yield from _of_census(census)
        yield from _of_messages(figures)

    def _census(self, figures: Figures) -> Census:
        counted = self._counted
        if counted is None or counted[0] != figures.edition:
            self._counted = counted = figures.edition, self._store.census()
        return counted[1]

    def _leader(self) -> bool | None:
        """Whether some machine syncs; None: this one has the database to itself."""
        database = self._store.database
        return database.sync_holder() is not None if database.shared else None


def _of_syncs(figures: Figures) -> Iterator[Metric]:
    yield _gauge("sync_in_progress", "Whether a sync runs.", figures.running)
    yield _gauge(
        "sync_consecutive_failures", "Syncs in a row that failed, up to now.", figures.failures
    )
    yield _gauge("sync_held", "Whether the branch's commit was read and is refused.", figures.held)


def _of_counters(counters: Totals) -> Iterator[Metric]:
    syncs = CounterMetricFamily(
        "paod_sync", "Syncs that ended; dry runs are not counted.", labels=("trigger", "status")
    )
    for trigger, status in product(get_args(Trigger), ENDS):
        syncs.add_metric((trigger, status), counters.get((SYNCS, trigger, status), 0))
    changes = CounterMetricFamily(
        "paod_catalog_changes", "Items and bundles that syncs changed.", labels=("change",)
    )
    for change in CHANGED:
        changes.add_metric((change,), counters.get((CHANGES, change, ""), 0))
    seconds = HistogramMetricFamily(
        "paod_sync_duration_seconds", "Time that syncs spent in a phase.", labels=("phase",)
    )
    for phase in sorted({label for counter, label, _ in counters if counter == PHASES}):
        seconds.add_metric((phase,), *_histogram(counters, PHASES, phase))
    visible = HistogramMetricFamily(
        "paod_webhook_to_visible_seconds",
        "Time from a delivery's receipt until its commit was served.",
    )
    visible.add_metric((), *_histogram(counters, VISIBLE, ""))
    yield from (syncs, changes, seconds, visible)


def _of_head(figures: Figures) -> Iterator[Metric]:
    head = figures.head
    moments = [datetime.fromisoformat(at) for at in (head.synced_at, head.checked_at) if at]
    yield _gauge(
        "sync_last_success_timestamp_seconds",
        "When the catalog last moved, or was seen to be the branch's; 0: never.",
        max((moment.timestamp() for moment in moments), default=0),
    )
    yield _gauge("catalog_generation", "The generation that is served.", head.generation)
    yield _gauge("catalog_pinned", "Whether a rollback holds the catalog.", head.pin is not None)
    if head.commit is not None:
        yield InfoMetricFamily(
            "paod_catalog_commit", "The commit that is served.", {"commit": head.commit}
        )


def _of_census(census: Census) -> Iterator[Metric]:
    yield _entries(census, "item")
    yield _entries(census, "bundle")
    problems = GaugeMetricFamily(
        "paod_catalog_validation_errors", "Open problems.", labels=("severity",)
    )
    problems.add_metric(("error",), census.errors)
    problems.add_metric(("warning",), census.warnings)
    yield problems


def _entries(census: Census, kind: Kind) -> Metric:
    about = f"{kind.capitalize()}s: served as the branch has them, as they last were good, or gone."
    family = GaugeMetricFamily(f"paod_catalog_{kind}s", about, labels=("state",))
    for state in STATES:
        family.add_metric((state,), census.entries.get((kind, state), 0))
    return family


def _of_messages(figures: Figures) -> Iterator[Metric]:
    alerts = CounterMetricFamily(
        "paod_alerts",
        "Alerts that were told or given up, and attempts that failed.",
        labels=("result",),
    )
    for result in TOLD:
        alerts.add_metric((result,), figures.messages.get(("alert", result), 0))
    yield alerts
    yield _gauge("alerts_waiting", "Alerts that wait.", figures.waiting.get("alert", 0))


def _gauge(name: str, about: str, value: float) -> Metric:
    return GaugeMetricFamily(f"paod_{name}", about, value)


def _histogram(counters: Totals, counter: str, label: str) -> tuple[list[tuple[str, float]], float]:
    """Return a histogram's buckets, each with all below it, and its sum in seconds.

    Buckets that another version of paod counted in keep their bounds.
    """
    found = {
        detail: n for (one, of, detail), n in counters.items() if (one, of) == (counter, label)
    }
    total = found.pop(SUM, 0) / 1000
    bounds = sorted({*map(str, BOUNDS), BEYOND, *found}, key=float)
    running, buckets = 0, []
    for bound in bounds:
        running += found.get(bound, 0)
        buckets.append((bound, float(running)))
    return buckets, total
