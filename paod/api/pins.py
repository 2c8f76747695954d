"""One item, held at a revision of it and released again. It is done at once: no sync is needed."""

from __future__ import annotations

from typing import Any, Final

import falcon

from paod.api import links
from paod.api.body import Shape
from paod.api.errors import Refusal
from paod.api.operation import Answer, Body, Operation, Resource
from paod.api.shapes import SHAPES
from paod.errors import PinRefused
from paod.log import event
from paod.store import Store

REFUSALS: Final = {"RevisionIsRemoval": "conflict"}
"""Kinds of refusals by the store's reason; what is not there is not found."""
PIN: Final = Operation(
    "Serve one revision of an item until it is released",
    "admin",
    {200: Answer("It is served from now on.", "item-pin")},
    body=Body("pin-request"),
    refuses=(400, 404, 409, 413, 415, 422),
)
RELEASE: Final = Operation(
    "Serve an item as the branch says again",
    "admin",
    {200: Answer("It is released.", "item-pin")},
    refuses=(404,),
)


class ItemPin(Resource):
    """The pin of one item."""

    path = links.item_pin("{name}")
    operation = PIN
    methods = ("POST", "DELETE")

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shape = Shape(SHAPES["pin-request"])

    def operation_of(self, method: str) -> Operation:
        """Return what a POST or a DELETE does."""
        return RELEASE if method == "DELETE" else PIN

    @property
    def described(self) -> tuple[str, ...]:
        """Both methods."""
        return self.methods

    def on_post(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Pin the item."""
        body = self._shape.read(req)
        try:
            answer = self._store.pin_item(name, body["revision"], body["reason"])
        except PinRefused as refused:
            raise _refusal(refused) from refused
        event("pin", item=name, revision=body["revision"], reason=body["reason"])
        resp.media = _shown(answer)

    def on_delete(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Release the item."""
        try:
            answer = self._store.release_item(name)
        except PinRefused as refused:
            raise _refusal(refused) from refused
        event("unpin", item=name)
        resp.media = _shown(answer)


def _refusal(refused: PinRefused) -> Refusal:
    detail = f"{refused}; {refused.hint}" if refused.hint else str(refused)
    return Refusal(REFUSALS.get(refused.reason_given, "not-found"), detail)


def _shown(answer: dict[str, Any]) -> dict[str, Any]:
    return answer | {"href": links.entry("item", answer["name"])}
