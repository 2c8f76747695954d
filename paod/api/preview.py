"""What a branch or a pull request would change, were it merged: a dry run that is waited for."""

from __future__ import annotations

from typing import Any, Final

import falcon

from paod import ref
from paod.api import links
from paod.api.errors import RETRY_SECONDS, Refusal
from paod.api.operation import Answer, Operation, Parameter, Readable
from paod.api.parameters import WAIT_MOST, whole
from paod.api.requests import ANSWERS, answer_queued, await_end
from paod.api.waiting import PREVIEWING, Waiting
from paod.model import preview_request
from paod.preview import NOTHING, told
from paod.store import Store

REF: Final = Parameter(
    "ref",
    "What is looked at as if it were merged: a commit, a branch, `refs/pull/7/head` or "
    "`refs/merge-requests/7/head`. Without it, what the next sync would change.",
    {"type": "string", "minLength": 1, "maxLength": ref.LONGEST, "pattern": ref.PATTERN},
    ref.full,
)
WAIT: Final = whole("wait", "Seconds to wait for the preview.", 0, WAIT_MOST, WAIT_MOST)
MISSING: Final = frozenset({"RefNotFound", "CommitNotFound", "BranchNotFound"})


class Preview(Readable):
    """The preview of a change, made by the sync worker."""

    path = f"{links.ADMIN_CATALOG}/preview"
    most = PREVIEWING
    operation = Operation(
        "See what a branch or a pull request would change",
        "admin",
        {200: Answer("What it would change.", "preview"), 202: ANSWERS[202]},
        (REF, WAIT),
        refuses=(404,),
    )

    def __init__(self, store: Store, waiting: Waiting) -> None:
        self._store = store
        self._waiting = waiting

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with the preview, or where it will be told."""
        query = req.context.query
        sync_id = self._store.preview(preview_request(query["ref"]))
        ended = await_end(self._store, self._waiting, sync_id, query["wait"])
        if ended is None:
            answer_queued(resp, sync_id)
            return
        href = links.sync(ended["sync_id"])
        if ended["status"] == "failed":
            raise _refusal(ended, href)
        resp.media = told(ended, self._store.outlook(ended["sync_id"]) or NOTHING) | {"href": href}


def _refusal(sync: dict[str, Any], href: str) -> Refusal:
    members = {"reason": sync["reason"], "sync_id": sync["sync_id"], "href": href}
    if sync["reason"] in MISSING:
        return Refusal("not-found", sync["message"], **members)
    headers = {"Retry-After": str(RETRY_SECONDS)}
    return Refusal("preview-failed", sync["message"], headers, **members)
