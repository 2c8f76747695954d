"""What only items can do: check the parameters of an order against their fields."""

from __future__ import annotations

from typing import Any

import falcon

from paod.api import links
from paod.api.body import Shape
from paod.api.entries import MOVED, EntryReads
from paod.api.operation import Answer, Body, Operation, Resource
from paod.api.prepared import Reads
from paod.api.shapes import SHAPES
from paod.store import Store
from paod.validate import check_parameters


class ItemCheck(Resource):
    """The check of an order's parameters."""

    path = f"{links.entries('item')}/{{name}}/validate"
    most = 4
    operation = Operation(
        "Check an order's parameters",
        "read",
        {200: Answer("Whether the item's fields accept them.", "parameter-check"), 308: MOVED},
        body=Body("parameters"),
        refuses=(400, 404, 410, 413, 415, 422),
    )

    def __init__(self, store: Store, reads: Reads) -> None:
        self._items = EntryReads("item", store, reads)
        self._shape = Shape(SHAPES["parameters"])

    def on_post(self, req: falcon.Request, resp: falcon.Response, name: str) -> None:
        """Answer with what the fields say of the parameters."""
        document: dict[str, Any] = self._items.found(req, name)
        errors = check_parameters(document, self._shape.read(req)["parameters"])
        resp.media = {"valid": not errors, "errors": errors}
