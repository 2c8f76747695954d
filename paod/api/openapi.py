"""The API's description in OpenAPI 3.1, made of the same operations that answer the requests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from http import HTTPStatus
from typing import Any, Final

import falcon

from paod import __version__
from paod.api import links
from paod.api.errors import MEDIA_TYPE
from paod.api.forms import ref
from paod.api.operation import Answer, Operation, Parameter, Readable, Resource
from paod.api.parameters import PLACES
from paod.api.prepared import Prepared, prepare, send
from paod.api.shapes import SHAPES

Json = dict[str, Any]

TITLE: Final = "paod"
ABOUT: Final = """\
The catalog of a Git repository: its items and bundles, their history, and the syncs that keep them.
"""
BEARER: Final[Json] = {"bearer": []}
HEADERS: Final[Mapping[str, str]] = {
    "ETag": "A strong validator of the body.",
    "Location": "The address to go on at.",
    "WWW-Authenticate": "How to show a token.",
    "Retry-After": "Seconds after which another try is worth while.",
    "Allow": "The methods that are allowed.",
}
HEADERS_OF_REFUSALS: Final = {401: "WWW-Authenticate", 429: "Retry-After", 503: "Retry-After"}


class Description(Readable):
    """The description, as it is served."""

    path = links.OPENAPI
    operation = Operation(
        "Get this description",
        "nobody",
        {200: Answer("OpenAPI 3.1.", "openapi", ("ETag",)), 304: Answer("It is known.")},
    )

    def __init__(self) -> None:
        self._prepared: Prepared | None = None

    def describe(self, resources: Iterable[Resource], *, public_read: bool) -> None:
        """Make the description of all resources, this one among them."""
        self._prepared = prepare(description(resources, public_read=public_read))

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with the description."""
        assert self._prepared is not None
        send(req, resp, self._prepared)


def description(resources: Iterable[Resource], *, public_read: bool) -> Json:
    """Return the OpenAPI document. ``public_read``: reading needs no token."""
    return {
        "openapi": "3.1.0",
        "info": {"title": TITLE, "version": __version__, "description": ABOUT},
        "paths": {one.path: _path(one, public_read) for one in resources},
        "components": {
            "schemas": SHAPES,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _path(resource: Resource, public_read: bool) -> Json:
    places = [place for name, place in PLACES.items() if f"{{{name}}}" in resource.path]
    told = {
        method.lower(): _operation(resource.operation_of(method), bool(places), public_read)
        for method in resource.described
    }
    parameters = [_parameter(place, "path", required=True) for place in places]
    return told | ({"parameters": parameters} if parameters else {})


def _operation(operation: Operation, has_places: bool, public_read: bool) -> Json:
    parameters = [_parameter(one, "query") for one in operation.query]
    parameters += [_parameter(one, "header", required=one.required) for one in operation.headers]
    statuses = {*operation.refuses, *_own_refusals(operation, has_places)}
    answers = {str(status): _answer(answer) for status, answer in operation.answers.items()}
    refusals = {str(status): _refusal(status) for status in sorted(statuses)}
    told: Json = {
        "summary": operation.summary,
        "security": _security(operation, public_read),
        "responses": refusals | answers,
    }
    if parameters:
        told["parameters"] = parameters
    if operation.body is not None:
        content = {
            one: {"schema": ref(operation.body.schema)} for one in operation.body.media_types
        }
        told["requestBody"] = {"required": operation.body.required, "content": content}
    return told


def _own_refusals(operation: Operation, has_places: bool) -> set[int]:
    """Return the statuses that need not be said of each operation."""
    found = {400, 500, 503}
    if operation.needs != "nobody":
        found |= {401, 429}
    if operation.needs == "admin":
        found.add(403)
    return found | {404} if has_places else found


def _security(operation: Operation, public_read: bool) -> list[Json]:
    if operation.needs == "nobody":
        return []
    return [{}, BEARER] if operation.needs == "read" and public_read else [BEARER]


def _parameter(one: Parameter, place: str, *, required: bool = False) -> Json:
    told = {"name": one.name, "in": place, "description": one.about, "schema": dict(one.schema)}
    return told | {"required": True} if required else told


def _answer(answer: Answer) -> Json:
    told: Json = {"description": answer.about}
    if answer.headers:
        told["headers"] = {name: _header(name) for name in answer.headers}
    if answer.schema is not None:
        told["content"] = {answer.media_type: {"schema": ref(answer.schema)}}
    return told


def _refusal(status: int) -> Json:
    told: Json = {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": ref("refusal")}},
    }
    if status in HEADERS_OF_REFUSALS:
        name = HEADERS_OF_REFUSALS[status]
        told["headers"] = {name: _header(name)}
    return told


def _header(name: str) -> Json:
    return {"description": HEADERS[name], "schema": {"type": "string"}}
