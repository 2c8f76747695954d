"""Every way in which the API says no, as problem details (RFC 9457), and nothing of its insides.

A refusal is of a *kind*: a stable word, a status and a title. What else went wrong in the program
becomes a 500 with the request's id, and the rest is in the log.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import falcon
import orjson

from paod.errors import SettingsError, StoreError

MEDIA_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:paod:problem:"
RETRY_SECONDS: Final = 5
"""After which a database that was busy or gone is worth another request."""

_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._=:-]{0,99}")

logger = logging.getLogger("paod.api")


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of refusal: HTTP status, and a title that is the same each time."""

    status: int
    title: str


KINDS: Final[Mapping[str, Kind]] = {
    "bad-request": Kind(400, "The request cannot be understood"),
    "unknown-parameter": Kind(400, "There is no such query parameter"),
    "bad-parameter": Kind(400, "A query parameter has a bad value"),
    "bad-cursor": Kind(400, "The cursor does not belong to this list"),
    "not-json": Kind(400, "The body is not JSON"),
    "bad-delivery": Kind(400, "The delivery's headers are incomplete"),
    "unauthorized": Kind(401, "A token is needed"),
    "bad-signature": Kind(401, "The signature does not match"),
    "forbidden": Kind(403, "The token does not allow this"),
    "not-found": Kind(404, "There is nothing here"),
    "method-not-allowed": Kind(405, "The method is not allowed here"),
    "conflict": Kind(409, "It cannot be done as things are"),
    "removed": Kind(410, "It was removed from the catalog"),
    "unknown-generation": Kind(410, "The generation is not one of this catalog"),
    "too-large": Kind(413, "The body is too large"),
    "unsupported-media-type": Kind(415, "The body's type is not one that is read here"),
    "bad-shape": Kind(422, "The body does not have the expected shape"),
    "too-many-requests": Kind(429, "Too many requests"),
    "internal": Kind(500, "Something went wrong in here"),
    "busy": Kind(503, "Too many such requests are being answered"),
    "store-unavailable": Kind(503, "The database cannot be used now"),
    "not-yet": Kind(503, "The catalog is not there yet"),
    "preview-failed": Kind(503, "The preview cannot be made now"),
    "settings-unavailable": Kind(503, "A secret of the settings cannot be read now"),
    "webhooks-off": Kind(503, "Webhooks are not set up"),
}
_STORE_DETAILS: Final = {
    "QueueFull": "too many syncs are queued already; see which, and why none ends",
    "StorageFull": "there is no room left for the database",
    "StorageReadOnly": "the database cannot be written",
}
_BY_STATUS: Final = {400: "bad-request", 404: "not-found", 405: "method-not-allowed"}


class Refusal(falcon.HTTPError):
    """An answer that says no. ``members`` are shown beside the standard ones."""

    def __init__(
        self, kind: str, detail: str, headers: Mapping[str, str] | None = None, **members: Any
    ) -> None:
        super().__init__(KINDS[kind].status, headers=dict(headers or {}))
        self.kind = kind
        self.detail = detail
        self.members = members


def request_id(req: falcon.Request) -> str:
    """Return the id under which a request is found in the log: the proxy's, else one of our own.

    The server lets the header through from the trusted proxy alone.
    """
    found: str | None = getattr(req.context, "request_id", None)
    if found is None:
        given = req.get_header("X-Request-Id") or ""
        found = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(8)
        req.context.request_id = found
    return found


def install(app: falcon.App[falcon.Request, falcon.Response]) -> None:
    """Let an application answer every failure with problem details."""
    app.set_error_serializer(_serialize)
    app.add_error_handler(Exception, _answer_unexpected)
    app.add_error_handler(StoreError, _answer_store_trouble)
    app.add_error_handler(SettingsError, _answer_settings_unavailable)


def _serialize(req: falcon.Request, resp: falcon.Response, error: falcon.HTTPError) -> None:
    if not isinstance(error, Refusal):
        error = _as_refusal(req, error)
    kind = KINDS[error.kind]
    resp.content_type = MEDIA_TYPE
    resp.data = orjson.dumps(
        {
            "type": TYPE_PREFIX + error.kind,
            "title": kind.title,
            "status": kind.status,
            "detail": error.detail,
            "instance": req.path,
            "request_id": request_id(req),
            **error.members,
        }
    )


def _as_refusal(req: falcon.Request, error: falcon.HTTPError) -> Refusal:
    """Say in our words what Falcon refused by itself: a route, a method, a header."""
    kind = _BY_STATUS.get(error.status_code, "bad-request")
    details = {
        "not-found": "no endpoint has this path; /api/v1/openapi.json lists them all",
        "method-not-allowed": f"{req.method} is not allowed here; see the Allow header",
        "bad-request": error.description or error.title,
    }
    return Refusal(kind, details[kind])


def _answer_unexpected(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]
) -> None:
    logger.error("request %s failed", request_id(req), exc_info=error)
    _answer(req, resp, Refusal("internal", "the log tells more under this request's id"))


def _answer_store_trouble(
    req: falcon.Request, resp: falcon.Response, error: StoreError, params: dict[str, Any]
) -> None:
    logger.warning("request %s: %s", request_id(req), error)
    detail = _STORE_DETAILS.get(error.reason_given, "the database cannot be used; try again soon")
    headers = {"Retry-After": str(RETRY_SECONDS)}
    _answer(req, resp, Refusal("store-unavailable", detail, headers))


def _answer_settings_unavailable(
    req: falcon.Request, resp: falcon.Response, error: Exception, params: dict[str, Any]
) -> None:
    logger.error("request %s: %s", request_id(req), error)
    detail = "a file that holds a secret cannot be read; the log tells which"
    headers = {"Retry-After": str(RETRY_SECONDS)}
    _answer(req, resp, Refusal("settings-unavailable", detail, headers))


def _answer(req: falcon.Request, resp: falcon.Response, refusal: Refusal) -> None:
    resp.status = refusal.status
    resp.set_headers(dict(refusal.headers or {}))
    _serialize(req, resp, refusal)
