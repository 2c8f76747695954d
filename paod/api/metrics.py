"""Metrics: open to all like health, so they name no item, no path and no secret."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import falcon

from paod.api.operation import Answer, Operation, Readable
from paod.metrics import CONTENT_TYPE, Exposition, Meters

METHODS: Final = ("GET", "HEAD", "POST", "DELETE")
"""All others are one: they are refused."""


class Metrics(Readable):
    """What Prometheus scrapes."""

    path = "/metrics"
    operation = Operation(
        "Get the metrics for Prometheus",
        "nobody",
        {200: Answer("Prometheus' text format.", "metrics", media_type="text/plain")},
    )

    def __init__(self, exposition: Exposition) -> None:
        self._exposition = exposition

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with all of them."""
        resp.set_header("Cache-Control", "no-store")
        resp.content_type = CONTENT_TYPE
        resp.data = self._exposition.text()


class Observer:
    """Falcon's middleware: counts every answer, by the route and never by the path.

    It comes after the one that notes when a request came.
    """

    def __init__(self, meters: Meters, clock: Callable[[], float]) -> None:
        self._meters = meters
        self._clock = clock

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, succeeded: bool
    ) -> None:
        """Count a request, those that no route fits as one."""
        method = req.method if req.method in METHODS else "other"
        seconds = self._clock() - req.context.began
        self._meters.answered(method, req.uri_template or "none", resp.status_code, seconds)
