"""The application: every noun at its address, behind the one gate."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import falcon
import falcon.media
import orjson

from paod.api import errors
from paod.api.catalog import Changes, Facets
from paod.api.codes import ProblemCode
from paod.api.crowd import Crowd
from paod.api.entries import (
    EntryDetail,
    EntryDifference,
    EntryList,
    EntryRevision,
    EntryVersions,
)
from paod.api.events import EventDetail, EventList
from paod.api.gate import Gate
from paod.api.health import Health, Liveness, Readiness
from paod.api.items import ItemCheck
from paod.api.metrics import Metrics, Observer
from paod.api.openapi import Description
from paod.api.operation import Resource
from paod.api.overview import Stats
from paod.api.pins import ItemPin
from paod.api.prepared import Cache, Reads
from paod.api.preview import Preview
from paod.api.problems import DocumentCheck, ProblemList
from paod.api.requests import Resume, Rollback, Sync
from paod.api.syncs import SyncDetail, SyncList, SyncStatus
from paod.api.told import Told
from paod.api.trail import Trail
from paod.api.waiting import CATCHING_UP, PREVIEWING, Waiting
from paod.api.webhooks import webhooks
from paod.config import Settings
from paod.metrics import Exposition, Meters
from paod.store import Store
from paod.store.tables import KINDS

Application = falcon.App[falcon.Request, falcon.Response]


def create_app(
    store: Store,
    settings: Settings,
    *,
    stopping: threading.Event | None = None,
    clock: Callable[[], float] = time.monotonic,
    now: Callable[[], datetime] | None = None,
    meters: Meters | None = None,
    told: Path | None = None,
) -> Application:
    """Make the WSGI application over a store that is migrated already.

    ``stopping``, once set, ends requests that wait. ``clock`` measures, ``now`` tells the time; by
    default the database does. ``meters`` count for the whole daemon; without them the application
    counts for itself. ``told`` is the file in which it keeps what readers were told last.
    """
    meters = meters or Meters()
    store.database.on_renewed(meters.pool_rebuilt)
    app: Application = falcon.App(
        middleware=[Trail(clock), Observer(meters, clock), Gate(settings, clock), Crowd()]
    )
    app.resp_options.media_handlers[falcon.MEDIA_JSON] = falcon.media.JSONHandler(
        dumps=_dump, loads=orjson.loads
    )
    errors.install(app)
    stopping = stopping or threading.Event()
    now = now or store.database.now
    for resource in resources(store, settings, stopping, clock, now, meters, told):
        app.add_route(resource.path, resource)
    return app


def resources(
    store: Store,
    settings: Settings,
    stopping: threading.Event,
    clock: Callable[[], float],
    now: Callable[[], datetime],
    meters: Meters,
    told: Path | None = None,
) -> list[Resource]:
    """Return all that is served, in the order of its description."""
    following, ordering = (Waiting(store.database.wait, stopping, clock) for _ in range(2))
    catching_up = Waiting(store.database.wait, stopping, clock, CATCHING_UP)
    previewing = Waiting(store.database.wait, stopping, clock, PREVIEWING)
    reads = Reads(store, Cache(), catching_up, Told(store, told))
    openapi = Description()
    found: list[Resource] = [
        *(kind(noun, store, reads) for noun in KINDS for kind in ENTRY_RESOURCES),
        ItemCheck(store, reads),
        Facets(store, reads),
        Changes(store, reads, following),
        *webhooks(store, settings, clock, stopping, meters),
        Sync(store, ordering),
        SyncStatus(store, settings, now),
        SyncList(store),
        SyncDetail(store),
        ProblemList(store),
        DocumentCheck(settings),
        ProblemCode(),
        Preview(store, previewing),
        Rollback(store, ordering),
        Resume(store, ordering),
        ItemPin(store),
        Stats(store),
        EventList(store),
        EventDetail(store),
        Health(store, settings, now),
        Liveness(),
        Readiness(store),
        Metrics(Exposition(store, meters, clock)),
        openapi,
    ]
    openapi.describe(found, public_read=settings.public_read)
    return found


ENTRY_RESOURCES = (EntryList, EntryDetail, EntryVersions, EntryRevision, EntryDifference)


def _dump(value: Any) -> bytes:
    return orjson.dumps(value)
