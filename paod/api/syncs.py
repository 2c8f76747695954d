"""What is told of syncs: the state of things, the runs, and one in full."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import falcon

from paod.api import links
from paod.api.errors import Refusal
from paod.api.operation import Answer, Operation, Readable
from paod.api.paging import walk_of
from paod.api.parameters import CURSOR, FULL_COMMIT, LIMIT
from paod.api.requests import UNENDED, show
from paod.api.standing import standing
from paod.config import Settings
from paod.log import event
from paod.store import Store


class SyncStatus(Readable):
    """What runs, what waits, what is served, and whether it is fresh."""

    path = f"{links.ADMIN_CATALOG}/sync/status"
    operation = Operation(
        "See where the catalog stands",
        "admin",
        {200: Answer("The present state.", "sync-status")},
        (FULL_COMMIT,),
    )

    def __init__(self, store: Store, settings: Settings, now: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._now = now

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with the state of things."""
        body = standing(self._store, self._settings, self._now())
        for name in ("current", "last"):
            if body[name] is not None:
                body[name] = show(body[name])
        body["queued"] = [show(sync) for sync in body["queued"]]
        body["item_pins"] = [
            pin | {"href": links.entry("item", pin["name"])} for pin in body["item_pins"]
        ]
        commit = req.context.query["commit"]
        if commit is not None:
            state = self._store.commit_state(commit)
            body["commit"] = {"commit_hash": commit, "state": state}
        resp.media = body


class SyncList(Readable):
    """All runs."""

    path = f"{links.ADMIN_CATALOG}/syncs"
    operation = Operation(
        "List syncs",
        "admin",
        {200: Answer("One page of syncs, newest first.", "sync-list")},
        (LIMIT, CURSOR),
    )

    def __init__(self, store: Store) -> None:
        self._store = store

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with one page."""
        walk = walk_of(req, self._store.head())
        resp.media = walk.page("syncs", self._store.syncs(walk.after, walk.limit), show)


GET_SYNC: Final = Operation(
    "Get one sync", "admin", {200: Answer("The sync in full.", "sync")}, refuses=(404,)
)
CANCEL: Final = Operation(
    "Cancel a dry run, or a sync that waits",
    "admin",
    {200: Answer("It has failed: `Cancelled`.", "sync")},
    refuses=(404, 409),
)


class SyncDetail(Readable):
    """One run."""

    path = f"{links.ADMIN_CATALOG}/syncs/{{sync_id}}"
    operation = GET_SYNC
    methods = ("GET", "HEAD", "DELETE")

    def __init__(self, store: Store) -> None:
        self._store = store

    def operation_of(self, method: str) -> Operation:
        """Return what a GET or a DELETE does."""
        return CANCEL if method == "DELETE" else GET_SYNC

    @property
    def described(self) -> tuple[str, ...]:
        """Both methods."""
        return ("GET", "DELETE")

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with the sync."""
        sync = self._sync(places["sync_id"])
        found = self._store.outlook(places["sync_id"])
        resp.media = show(sync) | ({"preview": found} if found else {})

    def on_delete(self, req: falcon.Request, resp: falcon.Response, sync_id: int) -> None:
        """Cancel it; a sync that runs comes to its end by itself."""
        sync = self._sync(sync_id)
        if not self._store.cancel(sync_id, "it was cancelled", "Cancelled"):
            state = "has ended" if sync["status"] not in UNENDED else "cannot be cancelled"
            raise Refusal(
                "conflict",
                f"sync {sync_id} {state}: a dry run can be, or a sync that waits for nobody else",
            )
        event("cancel", sync=sync_id)
        resp.media = show(self._sync(sync_id))

    def _sync(self, sync_id: int) -> dict[str, Any]:
        sync = self._store.sync(sync_id)
        if sync is None:
            raise Refusal("not-found", f"there is no sync {sync_id}")
        return sync
