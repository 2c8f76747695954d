"""From what an operator wrote to a value, one small function a kind of setting.

Each takes the text of an environment variable or a YAML value, and returns the value; what it
cannot read it returns as it came (the schema then says what the setting takes), or it raises
ValueError with a sentence of its own, which never quotes the value.
"""

from __future__ import annotations

import ipaddress
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from paod.repository_url import is_loopback

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_RATE = re.compile(r"([1-9][0-9]{0,6})/(second|minute|hour|day)")
_PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
_BAD_BRANCH = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|/\.|\.lock(/|$)|^[-/.]|[/.]$|^@$")
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True, slots=True)
class Rate:
    """So many in so many seconds."""

    count: int
    seconds: int

    def __str__(self) -> str:
        names = {seconds: name for name, seconds in _PERIODS.items()}
        return f"{self.count}/{names[self.seconds]}"


def as_integer(value: Any) -> Any:
    """Read a whole number."""
    if isinstance(value, bool):
        return None
    if isinstance(value, str) and re.fullmatch(r"[+-]?[0-9]{1,15}", value):
        return int(value)
    return value


def as_number(value: Any) -> Any:
    """Read a number; infinity and not-a-number are none."""
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?([0-9]{1,15}(\.[0-9]*)?|\.[0-9]+)", value):
            return value
        return float(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return float(value)
    return value if not isinstance(value, float) or math.isfinite(value) else str(value)


def as_boolean(value: Any) -> Any:
    """Read true or false, as people write them in environment files."""
    if not isinstance(value, str):
        return value
    word = value.lower()
    return True if word in _TRUE else False if word in _FALSE else value


def as_word(value: Any) -> Any:
    """Read a word whose case does not matter."""
    return value.lower() if isinstance(value, str) else value


def as_path(value: Any) -> Any:
    """Read a path, ``~`` expanded; it may still be relative."""
    if not isinstance(value, str):
        return value
    try:
        return Path(value).expanduser()
    except RuntimeError:
        raise ValueError("it begins with ~, and the home folder is not known") from None


def as_names(value: Any) -> Any:
    """Read comma-separated kebab-case names, or a YAML list of them."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return value
    names = [part.strip() for part in parts if part.strip()]
    return frozenset(names) if names and all(map(_NAME.fullmatch, names)) else value


def as_rate(value: Any) -> Any:
    """Read ``60/minute``."""
    found = _RATE.fullmatch(value.replace(" ", "")) if isinstance(value, str) else None
    return Rate(int(found[1]), _PERIODS[found[2]]) if found else value


def as_branch(value: Any) -> Any:
    """Read a branch's short name, by git's own rules for names."""
    if not isinstance(value, str):
        return value
    if value.startswith("refs/"):
        raise ValueError("it takes the branch's name alone: main, not refs/heads/main")
    if _BAD_BRANCH.search(value):
        raise ValueError("git allows no such branch name")
    return value


def as_app_id(value: Any) -> Any:
    """Read a GitHub App's ID, which YAML may take for a number."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    fits = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9.]{1,64}", value)
    return value if fits else None


def as_root(value: Any) -> Any:
    """Read a folder inside the repository; a slash at its end does not matter."""
    if not isinstance(value, str):
        return value
    folder = value.rstrip("/")
    if not folder or any(part in ("", ".", "..") for part in folder.split("/")):
        raise ValueError("it takes a folder inside the repository, such as catalog or a/b")
    return folder


def as_listen(value: Any) -> Any:
    """Read ``host:port`` or ``unix:/path``."""
    if not isinstance(value, str):
        return value
    if value.startswith("unix:"):
        return value if value.startswith("unix:/") else None
    host, _, port = value.rpartition(":")
    bare = not host.startswith("[") and ":" in host
    fits = re.fullmatch(r"[0-9]{1,5}", port) and int(port) <= 65_535
    return value if fits and host and not bare else None


def as_address(value: Any) -> Any:
    """Read an IP address."""
    if not isinstance(value, str):
        return value
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        return None


def as_http_url(value: Any) -> Any:
    """Read an http or https URL that names a host."""
    if not isinstance(value, str):
        return value
    try:
        parts = urlsplit(value)
        fits = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return value if fits and not re.search(r"[\x00-\x20\x7f]", value) else None


def as_instance(value: Any) -> Any:
    """Read the name of a machine, as status and logs are to call it."""
    fits = isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.-]{0,47}", value)
    return value if fits or not isinstance(value, str) else None


def as_public_url(value: Any) -> Any:
    """Read the address at which others find paod; a slash at its end does not matter."""
    url = as_http_url(value)
    if not isinstance(url, str):
        return url
    parts = urlsplit(url)
    if parts.username or parts.query or parts.fragment or re.search(r"[<>|\"]", url):
        raise ValueError("it takes an http:// or https:// URL without user, query and fragment")
    return url.rstrip("/")


def as_api_url(value: Any) -> Any:
    """Read the address of an API that is sent a token: https, or http to this machine."""
    url = as_public_url(value)
    if not isinstance(url, str) or url.startswith("https:"):
        return url
    if not is_loopback(urlsplit(url).hostname or ""):
        raise ValueError("http would carry the token in the clear; use https")
    return url


def as_database_url(value: Any) -> Any:
    """Read ``sqlite:///path`` or ``postgresql://…``."""
    if not isinstance(value, str):
        return value
    if value.startswith(("postgresql://", "postgres://")):
        return value
    path = value.removeprefix("sqlite:///")
    if path == value or path in ("", ":memory:") or re.search(r"[?#\x00-\x1f]", path):
        return None
    return value
