"""Lists, a page at a time, with cursors that stay right while the catalog changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import falcon
import orjson

from paod.api.cursor import seal, unseal
from paod.api.errors import Refusal
from paod.store import Page

UNBOUND = frozenset({"limit", "cursor", "wait", "epoch"})
"""Parameters that may differ from page to page of one walk."""

Rows = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Walk:
    """One request's place in a list. ``after`` is the key of the last row that was seen, if any.

    ``scope`` tells the list and its filters, ``key`` the database, for the cursors' seals.
    """

    key: str
    scope: tuple[object, ...]
    after: Any
    limit: int

    def page(self, plural: str, page: Page, show: Rows = dict) -> dict[str, Any]:
        """Return a page in the shape that all lists have; ``show`` makes a row's final form."""
        cursor = None
        if page.next is not None:
            cursor = seal(self.key, self.scope, orjson.dumps(page.next).decode())
        return {
            plural: [show(row) for row in page.rows],
            "pagination": {"next_cursor": cursor, "has_more": cursor is not None},
        }


def walk_of(req: falcon.Request, epoch: str) -> Walk:
    """Return the place in a list that a request asks for; ``epoch`` is the head's."""
    query = req.context.query
    scope = (req.path, *(query[name] for name in query if name not in UNBOUND))
    after = None
    if query["cursor"] is not None:
        position = unseal(epoch, scope, query["cursor"])
        if position is None:
            detail = "use a cursor only where it was given, with the same filters"
            raise Refusal("bad-cursor", detail)
        after = orjson.loads(position)
    return Walk(epoch, scope, after, query["limit"])
