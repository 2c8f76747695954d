"""The store: all the verbs in one place, each in the part that is named for it."""

from __future__ import annotations

from paod.store.apply import Applying
from paod.store.crashes import Crashes
from paod.store.deliveries import Deliveries
from paod.store.entries import Entries
from paod.store.figures import Watched
from paod.store.findings import Findings
from paod.store.history import History
from paod.store.load import Loading
from paod.store.migrate import Schema
from paod.store.pins import Pins
from paod.store.restored import Restoring
from paod.store.retention import Retention
from paod.store.stats import Stats
from paod.store.syncs import Syncs


class Store(
    Schema,
    Loading,
    Applying,
    Deliveries,
    Entries,
    History,
    Syncs,
    Findings,
    Stats,
    Crashes,
    Pins,
    Restoring,
    Retention,
    Watched,
):
    """What paod keeps: the catalog with its history, the queue, and what happened.

    Usable from any thread and any process. Every verb that writes is one transaction.
    """

    def close(self) -> None:
        """Close this process's connections."""
        self.database.close()
