"""The database: there, ours, of the right schema, and one that can be written."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from paod.api.freshness import Sync, cut_off, staleness, without_documents
from paod.basis import check_source, rules_differ
from paod.config import Settings
from paod.daemon import open_store
from paod.database import check_file, file_exists
from paod.doctor.finding import Finding, bad, good, skipped, warning
from paod.errors import SettingsDiffer, StoreError
from paod.model import Head, who_applied
from paod.store import Store
from paod.store.migrate import newest_schema
from paod.webhook import DOCTORS_DELIVERY

LOOKED_AT: Final = 20
"""Deliveries."""
UNREAD: Final = skipped("catalog", "the database cannot be read")


@dataclass(frozen=True, slots=True)
class Look:
    """What became of it: the finding, and where it could be read its newest moment and delivery.

    And what it says of the catalog.
    """

    finding: Finding
    catalog: Finding = UNREAD
    newest: str | None = None
    clock: datetime | None = None
    """What the server's clock shows, where the database is a server's."""
    deliveries: tuple[dict[str, Any], ...] = ()
    """The newest ones, the newest first."""
    readable: bool = False
    head: Head | None = None
    moved_to: str | None = None
    """Where the Git host redirects the repository's address to."""

    def against(self, tip: str | None) -> Finding:
        """Judge the catalog by the commit at which the branch is, None where that is not known."""
        head = self.head
        if tip is None or head is None or self.catalog.state != "good" or head.pin is not None:
            return self.catalog
        if tip in (head.commit, head.passed):
            return self.catalog
        at = (head.commit or "no commit")[:12]
        return warning(
            "catalog",
            f"it is at {at}, and the branch at {tip[:12]}",
            "the next poll brings it, or `paod sync`; where it stays so, deliveries were lost:"
            " let PAO_SYNC_INTERVAL be more than 0",
        )


def look(settings: Settings, now: datetime) -> Look:
    """Look at the database, whatever state it is in."""
    try:
        if settings.db_file is not None and not file_exists(settings.db_file):
            message = f"there is none yet at {settings.db_file}"
            return Look(warning("database", message, "`paod serve` and `paod sync` make it"))
        return _looked(settings, now)
    except StoreError as error:
        return Look(bad("database", str(error), error.hint or "see the log of paod"))


def _looked(settings: Settings, now: datetime) -> Look:
    store = open_store(settings)
    try:
        if settings.db_file is not None:
            check_file(settings.db_file)
        else:
            store.database.prepare()  # which makes nothing on a server, and looks at the way there
        return _judged(store, settings, now)
    finally:
        with contextlib.suppress(StoreError):
            store.close()


def _judged(store: Store, settings: Settings, now: datetime) -> Look:
    number, newest = store.database.schema_number(), newest_schema(store.database.dialect)
    if number > newest:
        hint = "install the newer paod again, or restore an older backup"
        return Look(bad("database", f"schema {number} is newer than this paod ({newest})", hint))
    if number < newest:
        hint = "`paod serve` brings it up to date at its start"
        return Look(warning("database", f"schema {number}, this paod has {newest}", hint))
    store.try_to_write()
    head, events = store.head(), store.events(None, LOOKED_AT).rows
    moments = [*_times(head.synced_at, head.checked_at)]
    moments += _times(*(event["last_received_at"] for event in events[:1]))
    told = f"schema {number}, writable, generation {head.generation}"
    last = store.last_following()
    catalog = _stuck(store, last) or _catalog(head, last, settings, now)
    finding = _shared(store, settings, head) or good("database", told)
    return Look(
        finding,
        catalog,
        max(moments, default=None),
        store.database.now() if store.database.shared else None,
        tuple(one for one in events if one["delivery_id"] != DOCTORS_DELIVERY),
        readable=True,
        head=head,
        moved_to=store.moved_to(),
    )


def _shared(store: Store, settings: Settings, head: Head) -> Finding | None:
    """Hold the settings against those with which another machine made the catalog."""
    try:
        check_source(store, settings)
    except SettingsDiffer as error:
        return bad("database", str(error), error.hint)
    if differs := rules_differ(store, settings, head.applied_with):
        told = f"{who_applied(head.applied_with)} made the catalog by other rules ({differs})"
        hint = "give all machines the same settings and the same release: each folds all again"
        return warning("database", told, hint)
    return None


def _stuck(store: Store, last: Sync | None) -> Finding | None:
    """Say that the sync at the queue's head is cut off again and again, and of what."""
    reasons = cut_off(store.cut_off_in_a_row())
    if not reasons:
        return None
    of = last["reason"] if last is not None else "no reason is known"
    ended = f"{last['message']}; " if last is not None and last["message"] else ""
    hint = f"{ended}it is tried again, with more time, and goes on where it was"
    return warning("catalog", f"it stays as it is: {reasons[0].message} ({of})", hint)


def _catalog(head: Head, last: Sync | None, settings: Settings, now: datetime) -> Finding:
    """Tell whether the catalog is what the branch holds, else what the last sync ended with."""
    if head.pin is not None:
        held = f"held at {head.pin.commit[:12]} since {head.pin.since}: {head.pin.reason}"
        return good("catalog", f"{held}; `paod resume` lets it follow the branch")
    if reasons := staleness(head, last, settings, now):
        why = "; ".join(reason.message for reason in reasons)
        ended = last is not None and last["status"] != "completed" and last["message"]
        hint = ended or "a daemon that runs keeps it up to date: see its log, and `paod status`"
        return warning("catalog", f"it may be behind the branch: {why}", hint)
    if last is not None and without_documents(head, last):
        hint = "PAO_CATALOG_ROOT is the folder with the documents, ROOT/<category>/<name>.yaml"
        return warning("catalog", last["message"], hint)
    return good("catalog", f"the branch's, at {(head.commit or 'no commit')[:12]}")


def _times(*moments: str | None) -> Iterator[str]:
    yield from (moment for moment in moments if moment is not None)
