"""The API on this machine's own address, for the one who edits: no token is asked for.

Whoever can connect is taken for the author. A browser can be made to connect by any page, so a
request must name this machine as its host, which no other site's page can make it do, and must not
come from a page of somewhere else, as its ``Origin`` or ``Sec-Fetch-Site`` tells. Nor may its body
be of a type that a page may send without being asked about it first: it is JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[..., Iterable[bytes]]

_HERE = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]+)?", re.IGNORECASE)
_ORIGIN = re.compile(rf"https?://{_HERE.pattern}", re.IGNORECASE)
_SITES = frozenset(("", "none", "same-origin"))
"""Where a browser may say that a request comes from; others say nothing."""


def without_token(application: Application, token: str) -> Application:
    """Return the application as if everyone on this machine had sent its admin token."""

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
        refused = _refused(environ)
        if refused is not None:
            status, detail = refused
            start(status, [("Content-Type", "application/problem+json")])
            code, _, title = status.partition(" ")
            body = {"type": "about:blank", "title": title, "status": int(code), "detail": detail}
            return [json.dumps(body).encode()]
        return application({**environ, "HTTP_AUTHORIZATION": f"Bearer {token}"}, start)

    return answer


def _refused(environ: dict[str, Any]) -> tuple[str, str] | None:
    """Return the status and the detail of a request that a page elsewhere may have made."""
    host, origin = environ.get("HTTP_HOST", ""), environ.get("HTTP_ORIGIN")
    if not _HERE.fullmatch(host):
        return "403 Forbidden", "ask by the name localhost or 127.0.0.1"
    foreign = origin is not None and not _is_ours(origin, host)
    if foreign or environ.get("HTTP_SEC_FETCH_SITE", "").lower() not in _SITES:
        return "403 Forbidden", "a page from elsewhere may not ask"
    has_body = environ.get("CONTENT_LENGTH") not in (None, "", "0")
    kind = environ.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if has_body and kind != "application/json":
        return "415 Unsupported Media Type", "a body needs Content-Type: application/json"
    return None


def _is_ours(origin: str, host: str) -> bool:
    """Return whether a page's origin is this very server, port included."""
    return bool(_ORIGIN.fullmatch(origin)) and origin.split("//", 1)[1].lower() == host.lower()
