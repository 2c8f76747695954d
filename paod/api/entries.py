"""Items and bundles: what is served, what was, and what differs between two revisions."""

from __future__ import annotations

from typing import Any, Final

import falcon

from paod.api import links
from paod.api.errors import Refusal
from paod.api.operation import Answer, Operation, Readable
from paod.api.paging import edition_told, walk_of
from paod.api.parameters import (
    CURSOR,
    LIMIT,
    MIN_GENERATION,
    NUMBER_MOST,
    flag,
    text,
    whole,
    words,
)
from paod.api.prepared import Reads
from paod.difference import differences
from paod.finding import nearest
from paod.model import Head, Kind
from paod.store import EntryFilters, Found, Removed, Renamed, Store

Json = dict[str, Any]

FILTERS: Final = (
    text("category", "Only those of this category."),
    text("owner", "Only those of this owner."),
    words("tags", "Only those that have all of these comma-separated tags."),
    text("search", "Full text: words, or beginnings of words, of name, description and tags."),
    flag("include_inactive", "Also those that were removed; each then has `is_active`."),
)
DIFFERENCE: Final = (
    whole("from", "The older revision's number; without it, the one before `to`.", 1, NUMBER_MOST),
    whole("to", "The newer revision's number; without it, the newest.", 1, NUMBER_MOST),
)
UNSAID: Final = ("is_active", "stale", "pin")
NEIGHBOURS: Final = 100
MOVED: Final = Answer(
    "The name was given up; `Location` leads to its follower.", None, ("Location",)
)


class EntryReads(Readable):
    """What all that is read of an item or a bundle has in common."""

    def __init__(self, kind: Kind, store: Store, reads: Reads) -> None:
        self._kind = kind
        self._store = store
        self._reads = reads

    def _answers(self, about: str, shape: str) -> dict[int, Answer]:
        return {
            200: Answer(about, shape, ("ETag",)),
            304: Answer("`If-None-Match` names what would be sent."),
        }

    def found(self, req: falcon.Request, name: str) -> Json:
        """Return an active entry, or raise what is to be said of a name without one."""
        kind = self._kind
        lookup = self._store.item(name) if kind == "item" else self._store.bundle(name)
        if isinstance(lookup, Found):
            return lookup.body
        if isinstance(lookup, Renamed):
            raise falcon.HTTPPermanentRedirect(self._moved(req, name, lookup.to))
        if isinstance(lookup, Removed):
            raise Refusal("removed", f"the {kind} {name} was removed", **_gone(kind, lookup.body))
        raise self._unknown(name)

    def _moved(self, req: falcon.Request, name: str, to: str) -> str:
        former, follower = links.entry(self._kind, name), links.entry(self._kind, to)
        query = f"?{req.query_string}" if req.query_string else ""
        return follower + req.path.removeprefix(former) + query

    def _unknown(self, name: str) -> Refusal:
        kind, store = self._kind, self._store
        listed = store.items if kind == "item" else store.bundles
        near = listed(EntryFilters(), name[:2], NEIGHBOURS)
        hint = nearest(name, [row["name"] for row in near.rows])
        detail = f"there is no {kind} {name}"
        return Refusal("not-found", f"{detail}; {hint}" if hint else detail)

    def _require_history(self, req: falcon.Request, name: str) -> None:
        """Raise what is to be said of a name that has no history."""
        try:
            self.found(req, name)
        except Refusal as refusal:
            if refusal.kind != "removed":
                raise


def _gone(kind: Kind, body: Json) -> Json:
    last = body["last_revision"]
    shown = None if last is None else _revision(kind, body["name"], last)
    return {
        "name": body["name"],
        "removed_at": body["removed_at"],
        "removed_by": body["removed_by"],
        "last_revision": shown,
    }


def _revision(kind: Kind, name: str, row: Json) -> Json:
    return row | {"href": links.revision(kind, name, row["revision"])}


class EntryList(EntryReads):
    """All items, or all bundles."""

    def __init__(self, kind: Kind, store: Store, reads: Reads) -> None:
        super().__init__(kind, store, reads)
        self.path = links.entries(kind)
        answers = self._answers(f"One page of {kind}s, in byte order of `name`.", f"{kind}-list")
        query = (*FILTERS, LIMIT, CURSOR, MIN_GENERATION)
        self.operation = Operation(f"List {kind}s", "read", answers, query)

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with one page."""
        self._reads.answer(req, resp, lambda head: self._page(req, head))

    def _page(self, req: falcon.Request, head: Head) -> Json:
        query, walk = req.context.query, walk_of(req, head, self._store)
        filters = EntryFilters(**{one.name: query[one.name] for one in FILTERS})
        listed = self._store.items if self._kind == "item" else self._store.bundles
        page = listed(filters, walk.after, walk.limit)
        body = walk.page(f"{self._kind}s", page, lambda row: self._row(row, filters))
        return body | edition_told(head)

    def _row(self, row: Json, filters: EntryFilters) -> Json:
        """Return an entry as lists show it: what is as it should be is not said."""
        shown = {key: value for key, value in row.items() if key not in UNSAID}
        if filters.include_inactive:
            shown["is_active"] = row["is_active"]
        shown |= {key: row[key] for key in ("stale", "pin") if row[key] is not None}
        return shown | {"href": links.entry(self._kind, row["name"])}


class EntryDetail(EntryReads):
    """One item or bundle."""

    def __init__(self, kind: Kind, store: Store, reads: Reads) -> None:
        super().__init__(kind, store, reads)
        self.path = f"{links.entries(kind)}/{{name}}"
        about = "The document, with what paod knows of it."
        answers = self._answers(about, kind) | {308: MOVED}
        summary = f"Get one {kind}"
        self.operation = Operation(summary, "read", answers, (MIN_GENERATION,), refuses=(404, 410))

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with the document."""
        name = places["name"]
        self._reads.answer(req, resp, lambda head: self._document(req, name))

    def _document(self, req: falcon.Request, name: str) -> Json:
        body, kind = self.found(req, name), self._kind
        body["href"] = links.entry(kind, name)
        body["versions_href"] = f"{body['href']}/versions"
        body["diff_href"] = f"{body['href']}/diff"
        if kind == "item":
            body["validate_href"] = f"{body['href']}/validate"
        for part in body.get("parts", ()) if kind == "bundle" else ():
            part["href"] = links.entry("item", part["catalog_item"])
        return body


class EntryVersions(EntryReads):
    """The revisions of one item or bundle."""

    def __init__(self, kind: Kind, store: Store, reads: Reads) -> None:
        super().__init__(kind, store, reads)
        self.path = f"{links.entries(kind)}/{{name}}/versions"
        about = "One page of revisions, newest first. What was removed keeps its history."
        answers = self._answers(about, "version-list") | {308: MOVED}
        summary = f"List one {kind}'s revisions"
        query = (LIMIT, CURSOR, MIN_GENERATION)
        self.operation = Operation(summary, "read", answers, query, refuses=(404,))

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with one page."""
        name = places["name"]
        self._reads.answer(req, resp, lambda head: self._page(req, head, name))

    def _page(self, req: falcon.Request, head: Head, name: str) -> Json:
        walk, kind = walk_of(req, head, self._store), self._kind
        page = self._store.versions(kind, name, walk.after, walk.limit)
        if page is None:
            self.found(req, name)
            raise self._unknown(name)
        return walk.page("versions", page, lambda row: _revision(kind, name, row))


class EntryRevision(EntryReads):
    """One revision of an item or bundle."""

    def __init__(self, kind: Kind, store: Store, reads: Reads) -> None:
        super().__init__(kind, store, reads)
        self.path = f"{links.entries(kind)}/{{name}}/versions/{{revision}}"
        answers = self._answers("The revision in full.", "version") | {308: MOVED}
        summary = f"Get one revision of one {kind}"
        self.operation = Operation(summary, "read", answers, (MIN_GENERATION,), refuses=(404,))

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with the revision."""
        self._reads.answer(req, resp, lambda head: self._one(req, **places))

    def _one(self, req: falcon.Request, name: str, revision: int) -> Json:
        row = self._store.revision(self._kind, name, revision)
        if row is None:
            self._require_history(req, name)
            raise Refusal("not-found", f"{name} has no revision {revision}")
        return _revision(self._kind, name, row)


class EntryDifference(EntryReads):
    """What differs between two revisions of an item or bundle."""

    def __init__(self, kind: Kind, store: Store, reads: Reads) -> None:
        super().__init__(kind, store, reads)
        self.path = f"{links.entries(kind)}/{{name}}/diff"
        answers = self._answers("What differs, key by key.", "difference") | {308: MOVED}
        summary = f"Compare two revisions of one {kind}"
        query = (*DIFFERENCE, MIN_GENERATION)
        self.operation = Operation(summary, "read", answers, query, refuses=(404,))

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with the differences."""
        name = places["name"]
        self._reads.answer(req, resp, lambda head: self._difference(req, name))

    def _difference(self, req: falcon.Request, name: str) -> Json:
        query, kind = req.context.query, self._kind
        newest = self._store.versions(kind, name, None, 1)
        if newest is None:
            self.found(req, name)
            raise self._unknown(name)
        to = query["to"] or newest.rows[0]["revision"]
        before, after = self._one(name, query["from"] or max(1, to - 1)), self._one(name, to)
        found = differences(before.pop("document"), after.pop("document"))
        changes = [one.as_json() for one in found]
        return {"name": name, "from": before, "to": after, "changes": changes}

    def _one(self, name: str, number: int) -> Json:
        row = self._store.revision(self._kind, name, number)
        if row is None:
            raise Refusal("not-found", f"{name} has no revision {number}")
        return _revision(self._kind, name, row)
