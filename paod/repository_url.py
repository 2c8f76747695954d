"""A repository's address: taken apart, judged and compared in this one place. Pure.

It decides where a token goes, so nobody else may split an address. Two questions are asked of it.
*May paod connect there?* is ``read``: it refuses with a sentence, and takes user and password out
before anybody else sees them, since an address ends up in logs, errors and the mirror's config.
*Do these name the same repository?* is ``repository_key``: it refuses nothing, because what Git
hosts send is compared and never connected to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

FORMS = "https://host/path, ssh://user@host/path, user@host:path, file:///path or a local path"
PORTS = {"https": 443, "http": 80, "ssh": 22}
"""The schemes that reach another machine, each with its port where an address names none."""
SSH_NAMES = {
    "ssh.github.com": "github.com",
    "altssh.gitlab.com": "gitlab.com",
    "altssh.bitbucket.org": "bitbucket.org",
}
"""Names under which hosts take ssh on port 443, each with the one of all its other addresses."""

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HELPER = re.compile(r"[A-Za-z0-9+.-]+::")
_SCP = re.compile(r"(?:(?P<user>[^@/:]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^@/:\[\]]+):(?P<path>.+)")
_HOST = re.compile(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?|[0-9a-f:.]*:[0-9a-f:.]*")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*\.(?!git$)[A-Za-z]{2,}")
_UNFIT = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_AFTER_SLASHES = re.compile(r"(?<=//).*@")
_USERINFO = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s'\"]*@")


@dataclass(frozen=True, slots=True)
class RepositoryUrl:
    """An address that paod may connect to, in its parts.

    ``url`` is as it was written, without the credentials of an https address (``username`` and
    ``token``); ``connect`` is what git gets (of a folder: still relative, or with its ``~``).
    ``host`` is in lower case, an IPv6 address without brackets; ``path`` is percent-decoded. A
    ``local`` one has neither host nor port.
    """

    kind: Literal["http", "ssh", "local"]
    url: str
    connect: str
    scheme: str = ""
    host: str = ""
    port: int = 0
    path: str = ""
    username: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)

    @property
    def folder(self) -> Path | None:
        """Where the repository is on this machine, relative or not; None: it is on another."""
        return Path(self.path) if self.kind == "local" else None

    @property
    def place(self) -> str:
        """The host, with its port where one is given."""
        return self.connect.partition("://")[2].partition("/")[0].rpartition("@")[2]

    def same_origin(self, url: str) -> bool:
        """Return whether another URL has this one's scheme, host and port."""
        return self.kind == "http" and origin(url) == (self.scheme, self.host, self.port)


def read(text: str) -> RepositoryUrl:
    """Take an address apart; raise ValueError, a sentence without secrets, for a bad one."""
    if not text:
        raise ValueError(f"it is empty; it takes {FORMS}")
    if text.startswith("-"):
        raise ValueError("an address does not begin with a dash")
    if _HELPER.match(text):
        raise ValueError(f"remote helpers (name::address) are not allowed; it takes {FORMS}")
    if scheme := _SCHEME.match(text):
        return _read_url(scheme[1].lower(), text)
    found = None if text.startswith((".", "/", "~")) else _SCP.fullmatch(text)
    return _read_path(text) if found is None else _read_scp(text, found)


def repository_key(text: str, *, fold_case: bool = False) -> str:
    """Return what all addresses of one repository have in common: ``github.com/org/name``.

    Left out are scheme, user, port, ``.git`` and the case of the host's name, with ``fold_case``
    (hosts that take any case for the same) that of the path, too. "": it names no repository.
    """
    found = None if _SCHEME.match(text) else _SCP.fullmatch(text)
    try:
        parts = urlsplit(f"//{found['host']}/{found['path'].lstrip('/')}" if found else text)
        host = parts.hostname or ""
    except ValueError:
        return ""
    path = unquote(parts.path).rstrip("/").removesuffix(".git")
    path = path.lower() if fold_case and host else path
    return SSH_NAMES.get(host, host) + path if path else ""


def owner_and_name(text: str, api: str = "") -> tuple[str, str] | None:
    """Return a repository's owner and name on its host, None where the address has no such two.

    ``api``: the address of the host's API, which says under which path the host lies, if under any:
    with ``https://host/git/api/v1`` it is ``/git``.
    """
    try:
        address = read(text)
    except ValueError:
        return None
    if address.kind == "local":
        return None
    path = "/" + address.path.strip("/").removesuffix(".git")
    below = urlsplit(api).path.partition("/api/")[0].rstrip("/")
    if address.kind == "http" and below and path.startswith(f"{below}/"):
        path = path.removeprefix(below)
    parts = path.strip("/").split("/")
    return (parts[0], parts[1]) if len(parts) == 2 and all(parts) else None


def origin(url: str) -> tuple[str, str, int] | None:
    """Return a URL's scheme, host and port, None where it has none that can be read."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    return parts.scheme, (parts.hostname or "").lower(), port


def is_loopback(host: str) -> bool:
    """Return whether a host's name or address is this machine's own, seen from here alone."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def redact_url(text: str) -> str:
    """Return a URL, well-formed or not, without anything that could be a secret."""
    text = _AFTER_SLASHES.sub("***@", text)
    return re.sub(r"[?#].*", "", text, flags=re.DOTALL)


def redact_urls(text: str) -> str:
    """Take user and password out of every URL in a text."""
    return _USERINFO.sub(r"\1", text)


def passwords_of(url: str) -> list[str]:
    """Return the passwords in a URL, as they are written and as they are meant."""
    parts = urlsplit(url)
    query = [value for key, value in parse_qsl(parts.query) if key.endswith("password")]
    written = [parts.password] if parts.password else []
    return [*written, *map(unquote, written), *query]


def _read_path(text: str) -> RepositoryUrl:
    if _CONTROL.search(text):
        raise ValueError("a path holds no control characters")
    first, slash, rest = text.partition("/")
    if ":" in first:
        raise ValueError(f"it takes {FORMS}")
    if "@" in first:
        raise ValueError("user@host:path has a colon after the host; a folder is written ./…")
    if slash and rest and _DOMAIN.fullmatch(first):
        raise ValueError("the scheme is missing: https://host/path; a folder is written ./…")
    return RepositoryUrl("local", text, text, path=text)


def _read_scp(text: str, found: re.Match[str]) -> RepositoryUrl:
    if _UNFIT.search(text) or found["path"].startswith("-"):
        raise ValueError("the path after host: holds a space or begins with a dash")
    host, path = _host(found["host"].strip("[]")), found["path"]
    user = _ssh_user(found["user"])
    connect = text if found["user"] else f"{user}@{text}"
    return RepositoryUrl("ssh", text, connect, "ssh", host, PORTS["ssh"], path)


def _read_url(scheme: str, text: str) -> RepositoryUrl:
    if _UNFIT.search(text):
        raise ValueError("a URL holds no spaces and no control characters")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError("its host or port cannot be read") from None
    if parts.query or parts.fragment:
        raise ValueError("a repository's URL has no query and no fragment")
    if scheme == "file":
        return _read_file(parts)
    if scheme not in PORTS:
        raise ValueError(f"{scheme}:// is not allowed; it takes {FORMS}")
    if not parts.hostname:
        raise ValueError("the URL names no host")
    if not parts.path.strip("/"):
        raise ValueError("the URL names a host, and no repository there")
    host, port = _host(parts.hostname), port or PORTS[scheme]
    return _read_ssh(parts, host, port) if scheme == "ssh" else _read_http(parts, host, port)


def _read_file(parts: SplitResult) -> RepositoryUrl:
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ValueError("a file URL has three slashes and an absolute path: file:///srv/catalog")
    path = unquote(parts.path)
    if _CONTROL.search(path):
        raise ValueError("a path holds no control characters")
    return RepositoryUrl("local", f"file://{parts.path}", path, "file", path=path)


def _read_ssh(parts: SplitResult, host: str, port: int) -> RepositoryUrl:
    if parts.password is not None:
        raise ValueError("an ssh URL holds no password; PAO_REPO_SSH_KEY names a key")
    path = unquote(parts.path)
    if path.lstrip("/").startswith("-"):
        raise ValueError("the URL's path begins with a dash")
    user = _ssh_user(unquote(parts.username) if parts.username else None)
    connect = f"ssh://{user}@{_place(host, parts.port)}{parts.path}"
    return RepositoryUrl("ssh", parts.geturl(), connect, "ssh", host, port, path)


def _read_http(parts: SplitResult, host: str, port: int) -> RepositoryUrl:
    """Take user and password out. A user alone is what hosts call a token in the URL."""
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("http would carry the token in the clear; use https (http: loopback only)")
    if parts.username and "@" in parts.path:
        raise ValueError("a user or password in a URL has / and @ percent-encoded")
    user, password = unquote(parts.username or "") or None, unquote(parts.password or "") or None
    return RepositoryUrl(
        "http",
        parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl(),
        f"{parts.scheme}://{_place(host, parts.port)}{parts.path}",
        parts.scheme,
        host,
        port,
        unquote(parts.path),
        username=None if password is None else user,
        token=user if password is None else password,
    )


def _place(host: str, port: int | None) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown


def _host(host: str) -> str:
    if not _HOST.fullmatch(host.lower()):
        raise ValueError("the host's name cannot be one")
    return host.lower()


def _ssh_user(user: str | None) -> str:
    if user and not _USER.fullmatch(user):
        raise ValueError("the ssh user's name cannot be one")
    return user or "git"
