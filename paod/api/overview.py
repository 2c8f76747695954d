"""Figures of the catalog, for people."""

from __future__ import annotations

from typing import Any

import falcon

from paod.api import links
from paod.api.operation import Answer, Operation, Readable
from paod.store import Store


class Stats(Readable):
    """Totals by kind, category and owner."""

    path = f"{links.ADMIN_CATALOG}/stats"
    operation = Operation(
        "Count everything", "admin", {200: Answer("Totals, and the last update.", "stats")}
    )

    def __init__(self, store: Store) -> None:
        self._store = store

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with the figures of this moment."""
        resp.media = self._store.stats()
