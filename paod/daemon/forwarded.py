"""What a proxy says of a caller, before anything believes, keeps or logs it."""

from __future__ import annotations

import re
from typing import Any, Final

from paod.api.callers import address_of

_FORMS: Final = {
    "HTTP_X_FORWARDED_PROTO": re.compile(r"https?"),
    "HTTP_X_FORWARDED_HOST": re.compile(r"[A-Za-z0-9._:\[\]-]{1,255}"),
    "HTTP_X_FORWARDED_PORT": re.compile(r"\d{1,5}"),
}
_FOR: Final = "HTTP_X_FORWARDED_FOR"


def tidy(environ: dict[str, Any]) -> None:
    """Leave of ``X-Forwarded-*`` what has the form that it must have.

    Of ``X-Forwarded-For`` that is the last address, the one that the proxy itself added; where that
    is none, the caller is the proxy.
    """
    address = address_of(environ.pop(_FOR, "").rpartition(",")[2])
    if address is not None:
        environ[_FOR] = address
    for name, form in _FORMS.items():
        if name in environ and not form.fullmatch(environ[name]):
            del environ[name]
