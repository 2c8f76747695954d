"""The catalog as a whole: its facets, and the feed of what changes in it."""

from __future__ import annotations

import hashlib
from typing import Any, Final

import falcon

from paod.api import links
from paod.api.errors import Refusal
from paod.api.operation import Answer, Operation, Readable
from paod.api.paging import walk_of
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
                "The `epoch` of the answer before: refused once the database is another one.",
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
        self._check(self._store.head(), query)
        if query["wait"]:
            self._waiting.until(lambda: self._news(query["since"]), query["wait"])
        self._reads.answer(req, resp, lambda head: self._page(req, head))

    def _check(self, head: Head, query: Json) -> None:
        if query["since"] > head.generation or query["epoch"] not in (None, _epoch(head)):
            detail = "the catalog began anew: read it whole, then follow it from its generation"
            raise Refusal("unknown-generation", detail, generation=head.generation)

    def _news(self, since: int) -> bool | None:
        return self._store.head().generation > since or None

    def _page(self, req: falcon.Request, head: Head) -> Json:
        walk = walk_of(req, head.epoch)
        since, position = walk.after or (req.context.query["since"], None)
        page = self._store.changes(since, walk.limit, position)
        last = max([head.generation, *(row["generation"] for row in page.rows)])
        body = walk.page("changes", page, _row)
        return body | {"generation": last, "epoch": _epoch(head)}


def _epoch(head: Head) -> str:
    """Return what tells this database from another one, without telling what cursors hang on."""
    return hashlib.sha256(f"epoch {head.epoch}".encode()).hexdigest()[:16]


def _row(row: Json) -> Json:
    return row | {"href": links.entry(row["kind"], row["name"])}
