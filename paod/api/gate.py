"""What every request passes before its responder: who asks, and whether the question is well put.

A token counts in the ``Authorization`` header alone; in a URL it would end up in logs.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import falcon

from paod import deadline
from paod.access import Role, allows, bearer_token, role_of
from paod.api.callers import counted_as, source
from paod.api.errors import Refusal, request_id
from paod.api.operation import Operation, Query, Resource
from paod.api.parameters import PLACES
from paod.api.rate import RateLimit
from paod.config import Secret, Settings
from paod.finding import nearest

CHALLENGE: Final = {"WWW-Authenticate": 'Bearer realm="paod"'}
BAD_TOKEN_CHALLENGE: Final = {
    "WWW-Authenticate": 'Bearer realm="paod", error="invalid_token"',
}
FAILURES: Final = 60
FAILURE_SECONDS: Final = 60.0
"""How many wrong tokens an address may try in how many seconds before it is told to wait."""

CAME: Final = "paod.came"
"""Where the server says when a request had arrived, by the monotonic clock: it may have queued."""

logger = logging.getLogger("paod.api")


class Gate:
    """Falcon's middleware: checks the token, the path and the query of every request."""

    def __init__(self, settings: Settings, clock: Callable[[], float]) -> None:
        self._settings = settings
        self._failures = RateLimit(FAILURES, FAILURE_SECONDS, clock)

    def process_resource(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        resource: Resource,
        params: dict[str, Any],
    ) -> None:
        """Let a request through to its responder, what it asks for in ``req.context.query``."""
        if req.method not in resource.methods:
            return  # Falcon answers by itself, and tells what is allowed
        operation = resource.operation_of(req.method)
        deadline.begin(operation.seconds, req.env.get(CAME))
        if operation.needs != "nobody":
            self._admit(req, operation.needs)
        for name, text in params.items():
            params[name] = _read_place(name, text)
        req.context.query = _read_query(operation, req.params)

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, succeeded: bool
    ) -> None:
        """Keep browsers from guessing that an answer is something else; its deadline is over."""
        deadline.end()
        resp.set_header("X-Content-Type-Options", "nosniff")

    def _admit(self, req: falcon.Request, needed: Role) -> None:
        header = req.auth
        if header is None:
            if needed == "read" and self._settings.public_read:
                return
            raise Refusal("unauthorized", "send `Authorization: Bearer <token>`", CHALLENGE)
        token = bearer_token(header)
        role = None if token is None else self._role_of(token)
        if role is None:
            raise self._refuse_token(req)
        if not allows(role, needed):
            raise Refusal("forbidden", "this needs an admin token; the one sent may only read")

    def _role_of(self, token: str) -> Role | None:
        settings = self._settings
        return role_of(token, _values(settings.admin_token), _values(settings.read_token))

    def _refuse_token(self, req: falcon.Request) -> Refusal:
        wait = self._failures.take(counted_as(req))
        if wait:
            detail = "too many wrong tokens came from this address"
            return Refusal("too-many-requests", detail, {"Retry-After": str(wait)})
        logger.warning("request %s: a wrong token from %s", request_id(req), source(req))
        return Refusal("unauthorized", "the token is not a valid one", BAD_TOKEN_CHALLENGE)


def _values(secret: Secret | None) -> tuple[str, ...]:
    return () if secret is None else secret.values()


def _read_place(name: str, text: str) -> Any:
    try:
        return PLACES[name].read(text)
    except ValueError as error:
        raise Refusal("not-found", f"the {name} in the path is none: {error}") from None


def _read_query(operation: Operation, given: Mapping[str, str | list[str]]) -> Query:
    """Return every parameter's value, in the order in which the operation lists them."""
    query = dict(operation.defaults)
    if not given.keys() <= query.keys():
        raise _unknown_parameter(operation, given)
    for name, text in given.items():
        try:
            if isinstance(text, list):
                raise ValueError("it takes one value")
            query[name] = operation.readers[name](text)
        except ValueError as error:
            raise Refusal("bad-parameter", f"{name}: {error}") from None
    return query


def _unknown_parameter(operation: Operation, given: Mapping[str, Any]) -> Refusal:
    known = [one.name for one in operation.query]
    unknown = next(name for name in given if name not in known)
    detail = f"known here: {', '.join(known)}" if known else "no parameter is known here"
    hint = nearest(unknown, known)
    return Refusal("unknown-parameter", f"{detail}; {hint}" if hint else detail)
