"""How many requests of an expensive kind are answered at once: one more is told to come again.

So many threads are left to all others. It counts who was let in by the gate, never who was not.
"""

from __future__ import annotations

import threading
from typing import Any, Final

import falcon

from paod.api.errors import Refusal
from paod.api.operation import Resource

RETRY_SECONDS: Final = 1


class Crowd:
    """Falcon's middleware: a resource with ``most`` has so many places for requests at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside: dict[type[Resource], int] = {}

    def process_resource(
        self,
        req: falcon.Request,
        resp: falcon.Response,
        resource: Resource,
        params: dict[str, Any],
    ) -> None:
        """Take a place, or refuse the request."""
        kind, most = type(resource), resource.most
        if most is None or req.method not in resource.methods:
            return
        with self._lock:
            inside = self._inside.get(kind, 0)
            if inside >= most:
                detail = f"{most} requests of this kind are answered at once, and so many are here"
                raise Refusal("busy", detail, {"Retry-After": str(RETRY_SECONDS)})
            self._inside[kind] = inside + 1
        req.context.inside = kind

    def process_response(
        self, req: falcon.Request, resp: falcon.Response, resource: object, succeeded: bool
    ) -> None:
        """Leave the place."""
        kind = getattr(req.context, "inside", None)
        if kind is not None:
            with self._lock:
                self._inside[kind] -= 1
