"""Where the repository is and how to reach it: checked and cleaned before anything connects.

A URL is taken apart here once. User and password leave it at that moment, so that no later message,
log line or file can show them. Nothing here touches the network.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, unquote, urlsplit

import pygit2

from paod.errors import SettingsError

_TAKES = "it takes https://…, ssh://…, user@host:path, file:///… or a local path"
_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[?[0-9A-Fa-f:.]+\]?")
_SCP = re.compile(r"(?:([^@/:]+)@)?(\[[0-9A-Fa-f:.]+\]|[^@/:\[\]]+):(?!:)(.+)")
_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s'\"]*@")
_PORTS = {"https": 443, "http": 80, "ssh": 22}


def redact(text: str) -> str:
    """Take user and password out of every URL in a text."""
    return _USERINFO.sub(r"\1", text)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a remote is told once. Neither half is ever shown: a token may stand in either."""

    username: str = field(repr=False)
    password: str = field(repr=False)


def _ignore() -> None:
    """Nobody needs to know."""


def no_credentials() -> Credentials | None:
    """Return None: the remote is asked without credentials."""
    return None


@dataclass(frozen=True, slots=True)
class Address:
    """A repository's URL in its parts. ``url`` is clean: what libgit2 and messages get.

    ``userinfo`` is what stood before the ``@`` of an https URL; an ssh user stays in the URL.
    """

    kind: Literal["http", "ssh", "local"]
    url: str
    host: str = ""
    port: int = 0
    scheme: str = ""
    userinfo: Credentials | None = None

    def same_origin(self, url: str) -> bool:
        """Whether another URL has this one's scheme, host and port."""
        try:
            parts = urlsplit(url)
            port = parts.port or _PORTS.get(parts.scheme, 0)
        except ValueError:
            return False
        return (parts.scheme, (parts.hostname or "").lower(), port) == (
            self.scheme,
            self.host,
            self.port,
        )


@dataclass(frozen=True, slots=True)
class Remote:
    """The configured repository and branch. Raises ``SettingsError`` for what is never reached.

    ``credentials`` is asked again at each connection, so that a rotated secret is used;
    ``on_denied`` is told when access was denied with them.
    ``timeout`` is for the whole fetch, ``connect_timeout`` and ``stall_timeout`` (seconds without a
    byte) are never above it.
    """

    url: str
    branch: str = "main"
    credentials: Callable[[], Credentials | None] = no_credentials
    on_denied: Callable[[], None] = _ignore
    ssh_key: Path | None = None
    known_hosts: Path | None = None
    ca_file: Path | None = None
    proxy: str | None = field(default=None, repr=False)
    timeout: float = 60.0
    connect_timeout: float = 10.0
    stall_timeout: float = 30.0
    max_pack_bytes: int = 512 * 2**20
    address: Address = field(init=False, repr=False)

    def __post_init__(self) -> None:
        address = address_of(self.url)
        object.__setattr__(self, "address", address)
        object.__setattr__(self, "url", address.url)
        if not pygit2.reference_is_valid_name(self.ref):
            raise SettingsError(
                f"{self.branch!r} is not a branch name", "PAO_REPO_BRANCH takes a name such as main"
            )
        if self.proxy is not None:
            _check_proxy(self.proxy)

    @property
    def ref(self) -> str:
        """The branch's full name on the remote."""
        return f"refs/heads/{self.branch}"

    def secret(self) -> Credentials | None:
        """Return what to authenticate with, read again now: the setting, else the URL's own."""
        return self.credentials() or self.address.userinfo


def address_of(url: str) -> Address:
    """Take a repository's URL apart; raise ``SettingsError`` for one that is never connected to."""
    if not url or _CONTROL.search(url) or url.startswith("-"):
        raise SettingsError("the repository's URL is empty or has characters no URL has", _TAKES)
    if "://" in url:
        return _from_url(url)
    if re.match(r"[A-Za-z0-9+.-]+::", url):
        raise SettingsError("the repository's URL names a transport helper (…::)", _TAKES)
    found = _SCP.fullmatch(url)
    if found and not url.startswith((".", "/", "~")):
        return _from_scp(url, found[1], found[2], found[3])
    return Address("local", str(Path(url).expanduser().absolute()))


def _from_url(url: str) -> Address:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise SettingsError("the repository's URL has a bad host or port", _TAKES) from None
    if parts.query or parts.fragment:
        raise SettingsError(
            "the repository's URL has a query or a fragment", "a token belongs in PAO_REPO_TOKEN"
        )
    if parts.scheme == "file":
        return _from_file(parts)
    if parts.scheme not in _PORTS:
        raise SettingsError(f"paod does not connect to {parts.scheme}:// repositories", _TAKES)
    host = _checked_host(parts.hostname or "")
    if parts.scheme == "http" and not _is_loopback(host):
        raise SettingsError(
            f"plain http:// to {host} would show the token and the catalog to the network",
            "use https://; http:// is for this machine only (127.0.0.1, localhost)",
        )
    return _network(parts, host, port)


def _network(parts: SplitResult, host: str, port: int | None) -> Address:
    shown = f"[{host}]" if ":" in host else host
    place = f"{shown}:{port}" if port else shown
    port = port or _PORTS[parts.scheme]
    user, password = unquote(parts.username or ""), unquote(parts.password or "")
    if parts.scheme == "ssh":
        _checked_path(parts.path.lstrip("/"))
        clean = f"ssh://{_checked_user(user)}@{place}{parts.path}"
        return Address("ssh", clean, host, port, "ssh")
    clean = f"{parts.scheme}://{place}{parts.path}"
    userinfo = Credentials(user, password) if user or password else None
    return Address("http", clean, host, port, parts.scheme, userinfo)


def _from_scp(url: str, user: str | None, host: str, path: str) -> Address:
    host = _checked_host(host.strip("[]"))
    _checked_path(path)
    return Address("ssh", url if user else f"git@{url}", host, 22, "ssh")


def _from_file(parts: SplitResult) -> Address:
    if parts.netloc not in ("", "localhost"):
        raise SettingsError("file:// takes no host", "write file:///path/to/repository")
    return Address("local", unquote(parts.path))


def _checked_host(host: str) -> str:
    if not _HOST.fullmatch(host):
        raise SettingsError("the repository's URL has no usable host", _TAKES)
    return host.lower()


def _checked_user(user: str) -> str:
    if user and not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", user):
        raise SettingsError("the repository's URL has an unusable ssh user", _TAKES)
    return user or "git"


def _checked_path(path: str) -> None:
    if not path or path.startswith("-"):
        raise SettingsError("the repository's URL has no usable path", _TAKES)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_proxy(proxy: str) -> None:
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or _CONTROL.search(proxy):
        raise SettingsError("the proxy's URL cannot be used", "write http://host:port")
