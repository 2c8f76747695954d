"""The working tree as the daemon would serve it, each save taken for a commit.

A catalog folded save by save: a broken file goes on serving its last good document, a removed one
is gone with its history, a renamed one is the same item. Nothing of it is committed, so the version
rules have nothing to say here.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from paod.catalog.afresh import Changes
from paod.catalog.fold import fold
from paod.catalog.plan import plan
from paod.config import Secret, Settings
from paod.database import open_database
from paod.model import (
    ClaimedSync,
    Commit,
    Folded,
    Step,
    Stored,
    SyncRequest,
    SyncResult,
)
from paod.store import Source, Store, stamp

AUTHOR = "working tree"
_NO_COMMITS = SyncResult(
    "failed",
    "WorkingTree",
    "paod watch serves what lies in the working tree, and knows no commits to go to",
)


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
                self.store.finish(claimed.id, _NO_COMMITS)
            elif changes or self._stored.catalog.commit is None:
                self._apply(claimed, changes)
                changes = {}
            else:
                result = self._completed("UpToDate", self._stored.catalog.commit, self._stored)
                self.store.finish(claimed.id, result, touch_checked=True)

    def _apply(self, claimed: ClaimedSync, changes: Changes) -> None:
        commit = self._commit(changes)
        step = Step(commit, tuple(sorted(changes.items())))
        folded = _without_version_warnings(fold(self._stored.catalog, [step], "warn"))
        planned = plan(self._stored, folded, anew=False)
        result = self._completed("Succeeded", commit.hash, planned.after)
        result = replace(result, items=planned.items, bundles=planned.bundles)
        self.store.apply(
            claimed.id, planned, result, commit=commit, basis=AUTHOR, touch_checked=True
        )
        self._stored = self.store.settled(planned.after)

    def _completed(self, reason: str, to_commit: str | None, after: Stored) -> SyncResult:
        return SyncResult(
            "completed",
            reason,
            "",
            from_commit=self._stored.catalog.commit,
            to_commit=to_commit,
            errors=after.errors,
            warnings=after.warnings,
        )

    def _commit(self, changes: Changes) -> Commit:
        """Make up what stands for the commit: named by what it follows and what it changes."""
        named = [self._stored.catalog.commit or ""]
        named += [f"{path} {file and file.oid}" for path, file in sorted(changes.items())]
        digest = hashlib.sha1("\n".join(named).encode(), usedforsecurity=False).hexdigest()
        subject = next(iter(changes), "nothing") if len(changes) < 2 else f"{len(changes)} files"
        return Commit(digest, AUTHOR, stamp(datetime.now(UTC)), f"Save {subject}")


def _without_version_warnings(folded: Folded) -> Folded:
    """Take back what the version rules say: versions are judged when they are committed."""
    entries = dict(folded.catalog.entries)
    for key in folded.touched_keys & entries.keys():
        if entries[key].warning is not None:
            entries[key] = replace(entries[key], warning=None)
    return replace(folded, catalog=replace(folded.catalog, entries=entries))
