"""The trail that a request leaves: its id in the answer, and a line in the log at debug level."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Final

import falcon

from paod.api.callers import source
from paod.api.errors import request_id
from paod.log import event

HEADER: Final = "X-Request-Id"

logger = logging.getLogger("paod.request")


class Trail:
    """Falcon's middleware. It logs no path and no query: who searched for what is private."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock

    def process_request(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Note when the request came."""
        req.context.began = self._clock()

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, succeeded: bool
    ) -> None:
        """Put the id on the answer, and log the request."""
        resp.set_header(HEADER, request_id(req))
        if logger.isEnabledFor(logging.DEBUG):
            event(
                "request",
                level=logging.DEBUG,
                id=request_id(req),
                method=req.method,
                route=req.uri_template or "none",
                status=resp.status_code,
                bytes=_length(req, resp),
                ms=round(1000 * (self._clock() - req.context.began)),
                source=source(req),
            )


def _length(req: falcon.Request, resp: falcon.Response) -> int:
    """Return how long the answer's body is; what is rendered for it here is not rendered again."""
    if req.method == "HEAD" or resp.status_code in (204, 304):
        return 0
    return len(resp.render_body() or b"")
