"""The formats that a text field can ask for: checked by their form, never by asking a network."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_MAILBOX = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}")
_SCHEMES = frozenset({"http", "https"})


def is_hostname(text: str) -> bool:
    """Say whether a text is a host name of RFC 1123: ``db-1.example.com``."""
    labels = text.removesuffix(".").split(".")
    return len(text) <= 253 and all(_LABEL.fullmatch(label) for label in labels)


def is_email(text: str) -> bool:
    """Say whether a text is an address as HTML's email field takes it: ``ana@example.com``."""
    mailbox, at, domain = text.rpartition("@")
    return bool(at) and _MAILBOX.fullmatch(mailbox) is not None and is_hostname(domain)


def is_url(text: str) -> bool:
    """Say whether a text is an absolute http or https URL with a host."""
    if any(char.isspace() or not char.isprintable() for char in text):
        return False
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        return False
    return parts.scheme in _SCHEMES and bool(host)


FORMATS: dict[str, tuple[str, Callable[[str], bool]]] = {
    "email": ("an email address", is_email),
    "url": ("an http or https URL", is_url),
    "hostname": ("a host name", is_hostname),
}
