"""The working tree as the daemon would serve it, each save taken for a commit.

A catalog folded save by save: a broken file goes on serving its last good document, a removed one
is gone with its history, a renamed one is the same item. Nothing of it is committed, so the version
rules have nothing to say here.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from paod.catalog.fold import fold
from paod.catalog.plan import plan
from paod.config import Secret, Settings
from paod.database import open_database
from paod.model import (
    ClaimedSync,
    Commit,
    ExaminedFile,
    Folded,
    Step,
    Stored,
    SyncRequest,
    SyncResult,
)
from paod.store import Source, Store, stamp

Changes = Mapping[str, ExaminedFile | None]

AUTHOR = "working tree"


class Published:
    """A store in a folder of its own that is nobody's truth, filled by each look's changes."""

    def __init__(self, folder: Path, checkout: Path, root: str) -> None:
        """``folder`` exists, is empty and private; whoever made it removes it."""
        url = f"sqlite:///{folder / 'paod.db'}"
        self.token = secrets.token_urlsafe(32)
        self.settings = Settings(
            repo_url=str(checkout),
            repo_branch="",
            state_dir=folder,
            db_url=url,
            db_file=folder / "paod.db",
            sync_interval=0.0,
            catalog_root=root,
            admin_token=Secret("PAO_ADMIN_TOKEN", self.token),
        )
        self.store = Store(open_database(url), source=Source(str(checkout), "", root))
        self.store.migrate()
        self._stored = Stored()

    def publish(self, changes: Changes) -> None:
        """Serve these changes, and answer whoever asked for a sync meanwhile."""
        if changes or self._stored.catalog.commit is None:
            self.store.enqueue(SyncRequest("watch"), bounded=False)
        while (claimed := self.store.claim()) is not None:
            if not claimed.request.follows_branch:
                self.store.finish(claimed.id, _no_commits())
            elif changes or self._stored.catalog.commit is None:
                self._apply(claimed, changes)
                changes = {}
            else:
                self.store.finish(claimed.id, self._up_to_date(), touch_checked=True)

    def _apply(self, claimed: ClaimedSync, changes: Changes) -> None:
        commit = self._commit(changes)
        step = Step(commit, tuple(sorted(changes.items())))
        folded = _without_version_warnings(fold(self._stored.catalog, [step], "warn"))
        planned = plan(self._stored, folded, anew=False)
        result = SyncResult(
            "completed",
            "Succeeded",
            "",
            from_commit=self._stored.catalog.commit,
            to_commit=commit.hash,
            items=planned.items,
            bundles=planned.bundles,
            errors=planned.after.errors,
            warnings=planned.after.warnings,
        )
        self.store.apply(
            claimed.id, planned, result, commit=commit, basis=AUTHOR, touch_checked=True
        )
        self._stored = planned.after

    def _commit(self, changes: Changes) -> Commit:
        """Make up what stands for the commit: named by what it follows and what it changes."""
        named = [self._stored.catalog.commit or ""]
        named += [f"{path} {file and file.oid}" for path, file in sorted(changes.items())]
        digest = hashlib.sha1("\n".join(named).encode(), usedforsecurity=False).hexdigest()
        subject = next(iter(changes), "nothing") if len(changes) < 2 else f"{len(changes)} files"
        return Commit(digest, AUTHOR, stamp(datetime.now(UTC)), f"Save {subject}")

    def _up_to_date(self) -> SyncResult:
        commit = self._stored.catalog.commit
        return SyncResult(
            "completed",
            "UpToDate",
            "nothing changed",
            from_commit=commit,
            to_commit=commit,
            errors=self._stored.errors,
            warnings=self._stored.warnings,
        )


def _no_commits() -> SyncResult:
    message = "paod watch serves what lies in the working tree, and knows no commits to go to"
    return SyncResult("failed", "WorkingTree", message)


def _without_version_warnings(folded: Folded) -> Folded:
    """Take back what the version rules say: versions are judged when they are committed."""
    entries = dict(folded.catalog.entries)
    for key in folded.touched_keys & entries.keys():
        if entries[key].warning is not None:
            entries[key] = replace(entries[key], warning=None)
    return replace(folded, catalog=replace(folded.catalog, entries=entries))
