"""The API on this machine's own address, for the one who edits: no token is asked for.

Whoever can connect is taken for the author. A browser can be made to connect by any page, so a
request must name this machine as its host, which no other site's page can make it do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[..., Iterable[bytes]]

_HERE = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?", re.IGNORECASE)
_REFUSED = (
    b'{"type": "about:blank", "title": "Forbidden", "status": 403, '
    b'"detail": "ask by the name localhost or 127.0.0.1"}'
)


def without_token(application: Application, token: str) -> Application:
    """Return the application as if everyone on this machine had sent its admin token."""

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        if not _HERE.fullmatch(environ.get("HTTP_HOST", "")):
            start("403 Forbidden", [("Content-Type", "application/problem+json")])
            return [_REFUSED]
        return application({**environ, "HTTP_AUTHORIZATION": f"Bearer {token}"}, start)

    return answer
