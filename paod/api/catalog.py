"""The catalog as a whole: its facets, and the feed of what changes in it."""

from __future__ import annotations

from typing import Any, Final

import falcon

from paod.api import links
from paod.api.operation import Answer, Operation, Readable
from paod.api.paging import edition_told, is_known, unknown_generation, walk_of
from paod.api.parameters import (
    CURSOR,
    LIMIT,
    MIN_GENERATION,
    NUMBER_MOST,
    choice,
    matching,
    wait,
    whole,
)
from paod.api.prepared import Reads
from paod.api.waiting import Waiting
from paod.model import Head
from paod.store import Store

Json = dict[str, Any]

NOT_MODIFIED: Final = Answer("`If-None-Match` names what would be sent.")


class Facets(Readable):
    """What a catalog can be narrowed by."""

    path = f"{links.CATALOG}/facets"
    most = 2
    operation = Operation(
        "Count items by category, owner and tag",
        "read",
        {200: Answer("Each with its count.", "facets", ("ETag",)), 304: NOT_MODIFIED},
        (choice("kind", "What is counted.", ("item", "bundle"), "item"), MIN_GENERATION),
    )

    def __init__(self, store: Store, reads: Reads) -> None:
        self._store = store
        self._reads = reads

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with the counts of what is active."""
        kind = req.context.query["kind"]
        self._reads.answer(req, resp, lambda head: self._store.facets(kind))


class Changes(Readable):
    """What changed, generation by generation: a portal keeps its copy with it."""

    path = f"{links.CATALOG}/changes"
    operation = Operation(
        "Follow what changes",
        "read",
        {200: Answer("One page of changes, in order.", "change-list"), 304: NOT_MODIFIED},
        (
            whole("since", "The generation that is known already.", 0, NUMBER_MOST, 0),
            matching(
                "epoch",
                "The `epoch` that came with `since`: refused once the catalog went back.",
                "^[0-9a-f]{16}$",
                "the epoch of an answer",
                16,
            ),
            wait("Seconds to wait for news where there is none."),
            LIMIT,
            CURSOR,
            MIN_GENERATION,
        ),
        refuses=(410,),
    )

    def __init__(self, store: Store, reads: Reads, waiting: Waiting) -> None:
        self._store = store
        self._reads = reads
        self._waiting = waiting

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with what changed, waiting for it if asked to."""
        query = req.context.query
        self._reads.catch_up(req)
        head = self._store.head()
        self._check(head, query)
        if query["wait"] and query["since"] == head.generation:
            self._waiting.until(lambda: self._news(head), query["wait"])
        self._reads.answer(req, resp, lambda head: self._page(req, head))

    def _check(self, head: Head, query: Json) -> None:
        since, epoch = query["since"], query["epoch"]
        if epoch is None:
            known = since <= head.generation
        else:
            known = is_known(self._store, head, epoch, since)
        if not known:
            raise unknown_generation(head)

    def _news(self, head: Head) -> bool | None:
        return self._store.served() != head.edition or None

    def _page(self, req: falcon.Request, head: Head) -> Json:
        query = req.context.query
        self._check(head, query)  # it may have gone back while this waited
        walk = walk_of(req, head, self._store)
        since, position = walk.after or (query["since"], None)
        page = self._store.changes(since, walk.limit, position)
        return walk.page("changes", page, _row) | edition_told(head)


def _row(row: Json) -> Json:
    return row | {"href": links.entry(row["kind"], row["name"])}
