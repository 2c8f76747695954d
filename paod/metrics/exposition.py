"""All metrics as one text, made at most once a second, for anybody may ask for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics_core import InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from paod import __version__
from paod.metrics.catalog import CatalogCollector
from paod.metrics.meters import Meters
from paod.store import Store

CONTENT_TYPE: Final[str] = CONTENT_TYPE_PLAIN_0_0_4
KEPT_SECONDS: Final = 1.0


class Exposition(Collector):
    """Everything that is scraped, of this process and those beside it, and of the database."""

    def __init__(self, store: Store, meters: Meters, clock: Callable[[], float]) -> None:
        self._catalog = CatalogCollector(store)
        self._meters = meters
        self._clock = clock
        self._lock = threading.Lock()
        self._text = b""
        self._made = float("-inf")
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format.

        While another thread makes them, which a slow database can draw out, the former ones do.
        """
        if not self._lock.acquire(blocking=not self._text):
            return self._text
        try:
            if self._clock() - self._made >= KEPT_SECONDS:
                self._text = generate_latest(self._registry)
                self._made = self._clock()
            return self._text
        finally:
            self._lock.release()

    def collect(self) -> Iterator[Metric]:
        """Yield all families."""
        yield InfoMetricFamily("paod_build", "The program.", {"version": __version__})
        yield from self._catalog.collect()
        yield from self._meters.collect()
