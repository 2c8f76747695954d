"""A paod without its processes: real repository, real mirror, real database, syncs on demand."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from paod.config import Settings, load
from paod.database import Database
from paod.model import SyncRequest, SyncResult
from paod.store import Store
from paod.sync import Memory, Workshop, open_mirror, run
from tests.databases import opened, ready_url_in
from tests.origin import Origin


def ignore(*_: object) -> None:
    """Take no note."""


class Paod:
    """One installation in ``folder`` that follows ``origin``."""

    def __init__(
        self,
        folder: Path,
        origin: Origin,
        extra: Mapping[str, str] | None = None,
        database: Database | None = None,
    ) -> None:
        """``database``: None: the folder's, of the kind that tests run on now."""
        self.folder = folder
        self.origin = origin
        self.settings: Settings = load(
            {
                "PAO_REPO_URL": origin.url,
                "PAO_STATE_DIR": str(folder),
                "PAO_MAX_REMOVAL_PERCENT": "100",
                "PAO_PUBLIC_READ": "true",
                **(extra or {}),
            }
        )
        self.noted: list[tuple[str, str]] = []
        self.database = database or opened(ready_url_in(folder))
        self.start()

    def start(self, **extra: Any) -> None:
        """Begin with nothing in memory, as after a restart. ``extra``: what the sync works with."""
        self.store = Store(self.database)
        self.store.migrate()
        self.shop = Workshop(
            mirror=open_mirror(self.settings, ignore),
            store=self.store,
            settings=self.settings,
            memory=Memory(),
            clock=lambda: datetime.now(UTC),
            **{"note": lambda oid, path: self.noted.append((oid, path)), **extra},
        )

    def restart(self) -> None:
        """End and begin again."""
        self.database.close()
        self.start()

    def lose_mirror(self) -> None:
        """Let somebody delete the mirror while paod runs."""
        shutil.rmtree(self.settings.mirror_dir, ignore_errors=True)

    def sync(self, request: SyncRequest | None = None) -> SyncResult:
        """Ask for a sync and run what is queued; return how the last one ended."""
        self.store.enqueue(request or SyncRequest("manual"))
        return self.run_queued()

    def run_queued(self) -> SyncResult:
        """Run what is queued; return how the last one ended."""
        result = None
        while (claimed := self.store.claim() or self.store.claim(dry_run=True)) is not None:
            result = run(claimed, self.shop)
        assert result is not None
        return result
