"""The deliveries that came, and what became of each."""

from __future__ import annotations

from typing import Any

import falcon

from paod.api import links
from paod.api.errors import Refusal
from paod.api.operation import Answer, Operation, Readable
from paod.api.paging import walk_of
from paod.api.parameters import CURSOR, LIMIT
from paod.store import Store

Json = dict[str, Any]


def _show(event: Json) -> Json:
    sync = event["sync"]
    if sync is not None:
        sync = sync | {"href": links.sync(sync["sync_id"])}
    return event | {"sync": sync, "href": links.event(event["delivery_id"])}


class EventList(Readable):
    """All deliveries."""

    path = f"{links.ADMIN}/webhooks/events"
    operation = Operation(
        "List deliveries",
        "admin",
        {200: Answer("One page of deliveries, newest first.", "event-list")},
        (LIMIT, CURSOR),
    )

    def __init__(self, store: Store) -> None:
        self._store = store

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with one page."""
        walk = walk_of(req, self._store.head())
        resp.media = walk.page("events", self._store.events(walk.after, walk.limit), _show)


class EventDetail(Readable):
    """One delivery."""

    path = f"{links.ADMIN}/webhooks/events/{{delivery_id}}"
    operation = Operation(
        "Get one delivery",
        "admin",
        {200: Answer("The delivery, and what became of it.", "event")},
        refuses=(404,),
    )

    def __init__(self, store: Store) -> None:
        self._store = store

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with the delivery."""
        event = self._store.event(places["delivery_id"])
        if event is None:
            raise Refusal("not-found", f"there is no delivery {places['delivery_id']}")
        resp.media = _show(event)
