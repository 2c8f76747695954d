"""What admins ask for: a sync now, a rollback, to follow the branch again.

A request is stored and the worker is told; nothing is synced in here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import falcon

from paod.api import links
from paod.api.body import Shape
from paod.api.operation import Answer, Body, Operation, Resource
from paod.api.parameters import wait
from paod.api.shapes import SHAPES
from paod.api.waiting import Waiting
from paod.model import SyncRequest
from paod.store import Store

Json = dict[str, Any]

WAIT: Final = wait("Seconds to wait for the sync to end.")
ANSWERS: Final = {
    200: Answer("It ended while it was waited for.", "sync"),
    202: Answer("It is queued.", "queued-sync", ("Location",)),
}
REFUSES: Final = (400, 413, 415, 422)
UNENDED: Final = frozenset({"queued", "running"})


class SyncRequests(Resource):
    """Takes requests of one sort and answers with the sync that each became."""

    shape: str

    def __init__(self, store: Store, waiting: Waiting) -> None:
        self._store = store
        self._waiting = waiting
        self._shape = Shape(SHAPES[self.shape])

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Queue what is asked for; answer at once, or when it has ended."""
        sync_id = self._store.enqueue(self.request(self._shape.read(req)))
        ended = await_end(self._store, self._waiting, sync_id, req.context.query["wait"])
        if ended is None:
            answer_queued(resp, sync_id)
        else:
            resp.media = show(ended)

    def request(self, body: Mapping[str, Any]) -> SyncRequest:
        """Return what a body asks for."""
        raise NotImplementedError


def await_end(store: Store, waiting: Waiting, sync_id: int, seconds: float) -> Json | None:
    """Return the sync, or the one that stands for it in the end; None: it has not ended in time."""
    return waiting.until(lambda: _ended(store, sync_id), seconds) if seconds else None


def _ended(store: Store, sync_id: int) -> Json | None:
    sync = store.sync(sync_id)
    while sync is not None and sync["superseded_by"] is not None:
        sync = store.sync(sync["superseded_by"])
    return None if sync is None or sync["status"] in UNENDED else sync


def answer_queued(resp: falcon.Response, sync_id: int) -> None:
    """Answer that a sync is still to come, and where it will be told."""
    href = links.sync(sync_id)
    resp.status = falcon.HTTP_202
    resp.set_header("Location", href)
    resp.media = {"sync_id": sync_id, "status": "queued", "href": href}


def show(sync: Json) -> Json:
    """Return a sync as it is shown: with its address."""
    return sync | {"href": links.sync(sync["sync_id"])}


class Sync(SyncRequests):
    """A sync now."""

    path = f"{links.ADMIN_CATALOG}/sync"
    shape = "sync-request"
    operation = Operation(
        "Sync now",
        "admin",
        ANSWERS,
        (WAIT,),
        Body("sync-request", required=False),
        REFUSES,
    )

    def request(self, body: Mapping[str, Any]) -> SyncRequest:
        """Return a request to follow the branch, or for one commit."""
        return SyncRequest(
            "manual",
            mode=body.get("mode") or "incremental",
            commit=body.get("commit"),
            dry_run=body.get("dry_run") or False,
            allow_mass_removal=body.get("allow_mass_removal"),
        )


class Rollback(SyncRequests):
    """A commit that the catalog goes to, and is held at."""

    path = f"{links.ADMIN_CATALOG}/rollback"
    shape = "rollback-request"
    operation = Operation(
        "Move the catalog to a commit and hold it there",
        "admin",
        ANSWERS,
        (WAIT,),
        Body("rollback-request"),
        REFUSES,
    )

    def request(self, body: Mapping[str, Any]) -> SyncRequest:
        """Return a request to go there and stay."""
        return SyncRequest(
            "rollback",
            commit=body["commit"],
            pin="set",
            reason=body["reason"],
            allow_mass_removal=body.get("allow_mass_removal"),
        )


class Resume(SyncRequests):
    """The branch, followed again."""

    path = f"{links.ADMIN_CATALOG}/resume"
    shape = "resume-request"
    operation = Operation(
        "Let the catalog follow the branch again",
        "admin",
        ANSWERS,
        (WAIT,),
        Body("resume-request", required=False),
        REFUSES,
    )

    def request(self, body: Mapping[str, Any]) -> SyncRequest:
        """Return a request to go to the branch's head and follow it."""
        allowed = body.get("allow_mass_removal")
        return SyncRequest("manual", pin="clear", allow_mass_removal=allowed)
