"""Lists, a page at a time, with cursors that stay right while the catalog changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import falcon
import orjson

from paod.api.cursor import seal, unseal
from paod.api.errors import Refusal
from paod.model import Head
from paod.store import Page, Store

UNBOUND = frozenset({"limit", "cursor", "wait", "epoch"})
"""Parameters that may differ from page to page of one walk."""

Rows = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Walk:
    """One request's place in a list. ``after`` is the key of the last row that was seen, if any.

    ``scope`` tells the list and its filters, for the cursors' seals.
    """

    head: Head
    scope: tuple[object, ...]
    after: Any
    limit: int

    def page(self, plural: str, page: Page, show: Rows = dict) -> dict[str, Any]:
        """Return a page in the shape that all lists have; ``show`` makes a row's final form."""
        cursor = None
        if page.next is not None:
            place = orjson.dumps([self.head.epoch, page.next]).decode()
            cursor = seal(self.head.seal, self.scope, place)
        return {
            plural: [show(row) for row in page.rows],
            "pagination": {"next_cursor": cursor, "has_more": cursor is not None},
        }


def walk_of(req: falcon.Request, head: Head, store: Store | None = None) -> Walk:
    """Return the place in a list that a request asks for.

    ``store``: the list is of the catalog, and goes on only where the page before is of its past.
    """
    query = req.context.query
    scope = (req.path, *(query[name] for name in query if name not in UNBOUND))
    after = None
    if query["cursor"] is not None:
        place = unseal(head.seal, scope, query["cursor"])
        if place is None:
            detail = "use a cursor only where it was given, with the same filters"
            raise Refusal("bad-cursor", detail)
        epoch, after = orjson.loads(place)
        if store is not None and not is_known(store, head, epoch):
            raise unknown_generation(head)
    return Walk(head, scope, after, query["limit"])


def is_known(store: Store, head: Head, epoch: str, since: int = 0) -> bool:
    """Whether an epoch is of the catalog's past or present, and not of one before ``since``."""
    if epoch == head.epoch:
        return since <= head.generation
    return store.knows(epoch, since)


def unknown_generation(head: Head) -> Refusal:
    """Return the refusal of what another database told, or this one before it went back."""
    detail = "the catalog went back or began again: read it whole, then follow it from there"
    return Refusal("unknown-generation", detail, **edition_told(head))


def edition_told(head: Head) -> dict[str, Any]:
    """Return what a client keeps, to go on from this state of the catalog."""
    return {"generation": head.generation, "epoch": head.epoch}
