"""What a process counts of its own doing: requests, deliveries, fetches."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import product
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector

from paod.metrics.sharing import Shared

EVENTS: Final = ("push", "ping", "other")
OUTCOMES: Final = (
    *("accepted", "ignored", "pong", "duplicate"),
    *("refused", "limited", "malformed", "failed"),
)
"""What became of deliveries: stored and answered; not let in, or not understood."""
FETCH_RESULTS: Final = ("success", "failure")
REQUEST_BOUNDS: Final = (0.001, 0.005, 0.02, 0.1, 0.5, 2.5, 10.0, 30.0)
FETCH_BOUNDS: Final = (0.05, 0.2, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)

disable_created_metrics()  # type: ignore[no-untyped-call]


class Meters:
    """The counters of one process. Of those that share a folder, each collects what all counted."""

    def __init__(self, shared: Shared | None = None) -> None:
        """``shared``: the place of this process among others; it has no other meters then."""
        self._shared = shared
        if shared is not None:
            shared.enter()
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "paod_http_requests_total",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=self._registry,
        )
        self._request_seconds = Histogram(
            "paod_http_request_duration_seconds",
            "Time until a request was answered, what it waited for on purpose included.",
            ("method", "route"),
            buckets=REQUEST_BOUNDS,
            registry=self._registry,
        )
        self._deliveries = Counter(
            "paod_webhook_deliveries_total",
            "Webhook calls.",
            ("event", "outcome"),
            registry=self._registry,
        )
        self._fetches = Counter(
            "paod_git_fetch_total", "Fetches of the branch.", ("result",), registry=self._registry
        )
        self._fetch_seconds = Histogram(
            "paod_git_fetch_duration_seconds",
            "Time that a fetch of the branch took.",
            buckets=FETCH_BOUNDS,
            registry=self._registry,
        )
        self._rebuilds = Counter(
            "paod_git_mirror_rebuilds_total",
            "Mirrors that were damaged or deleted, and made anew.",
            registry=self._registry,
        )
        self._pools = Counter(
            "paod_database_pool_rebuilds_total",
            "Pools of connections that were stuck while the database answered, and made again.",
            registry=self._registry,
        )
        self._begin_at_zero()

    def _begin_at_zero(self) -> None:
        """Let few and known counters be there before they count: else the first one is not seen."""
        for labels in product(EVENTS, OUTCOMES):
            self._deliveries.labels(*labels)
        for result in FETCH_RESULTS:
            self._fetches.labels(result)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request; ``route`` is the template that its path fits, never the path."""
        self._requests.labels(method, route, str(status)).inc()
        self._request_seconds.labels(method, route).observe(seconds)

    def delivered(self, event: str, outcome: str) -> None:
        """Count a delivery, by one of ``EVENTS`` and one of ``OUTCOMES``."""
        self._deliveries.labels(event, outcome).inc()

    @contextmanager
    def fetching(self) -> Iterator[None]:
        """Count a fetch that lasts until the block ends, and fails if an exception ends it."""
        began, result = time.monotonic(), "failure"
        try:
            yield
            result = "success"
        finally:
            self._fetch_seconds.observe(time.monotonic() - began)
            self._fetches.labels(result).inc()

    def fetch_killed(self) -> None:
        """Count a fetch that was killed together with who would have counted it."""
        self._fetches.labels("failure").inc()

    def pool_rebuilt(self) -> None:
        """Count a pool of connections that was made again."""
        self._pools.inc()

    def rebuilt(self, times: int) -> None:
        """Count mirrors that were made anew."""
        self._rebuilds.inc(times)

    def collect(self) -> Iterable[Metric]:
        """Return what this process has counted, or what all have that share its folder."""
        if self._shared is None:
            return self._registry.collect()
        collector = MultiProcessCollector(None, path=str(self._shared.folder))  # type: ignore[no-untyped-call]
        found: Iterable[Metric] = collector.collect()  # type: ignore[no-untyped-call]
        return found
