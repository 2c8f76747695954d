"""The forms that PAO_REPO_URL may have, and the credentials that people leave in it.

A URL with a user or a password in it ends up in logs, errors and the mirror's configuration, which
other users can read: both are moved out of it before anybody else sees it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from paod.config.values import is_loopback

FORMS = "https://host/path, ssh://user@host/path, user@host:path, file:///path or a local path"

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_TRANSPORT = re.compile(r"[A-Za-z0-9+.-]+::")
_SCP = re.compile(r"(?:[A-Za-z0-9._-]+@)?(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:]+\]):(?P<path>[^:].*)")
_UNFIT = re.compile(r"[\x00-\x20\x7f]")
_USERINFO = re.compile(r"(?<=//).*@")


@dataclass(frozen=True, slots=True)
class RemoteUrl:
    """A repository's URL without credentials, and those that stood in it.

    ``path`` is set, relative or not, where the repository is a folder of this machine.
    """

    url: str
    username: str | None = None
    token: str | None = None
    path: Path | None = None

    def __repr__(self) -> str:
        return f"RemoteUrl({self.url})"


def read_remote_url(text: str) -> RemoteUrl:
    """Read a repository's URL; raise ValueError, a sentence without secrets, for a bad one."""
    if text.startswith("-"):
        raise ValueError("a URL does not begin with a dash")
    if _TRANSPORT.match(text):
        raise ValueError(f"remote helpers (name::address) are not allowed; it takes {FORMS}")
    scheme = _SCHEME.match(text)
    if scheme is None:
        return _without_scheme(text)
    if _UNFIT.search(text):
        raise ValueError("a URL holds no spaces and no control characters")
    return _with_scheme(scheme[1].lower(), text)


def redact_url(text: str) -> str:
    """Return a URL, well-formed or not, without anything that could be a secret."""
    text = _USERINFO.sub("***@", text)
    return re.sub(r"[?#].*", "", text, flags=re.DOTALL)


def passwords_of(url: str) -> list[str]:
    """Return the passwords in a URL, as they are written and as they are meant."""
    parts = urlsplit(url)
    query = [value for key, value in parse_qsl(parts.query) if key.endswith("password")]
    written = [parts.password] if parts.password else []
    return [*written, *map(unquote, written), *query]


def owner_and_name(url: str) -> tuple[str, str] | None:
    """Return a repository's owner and name on its host, None where the URL has no such two."""
    scp = None if "://" in url else _SCP.fullmatch(url)
    path = scp["path"] if scp else urlsplit(url).path
    parts = unquote(path).strip("/").removesuffix(".git").split("/")
    local = scp is None and not url.startswith(("https:", "http:", "ssh:"))
    return (parts[0], parts[1]) if len(parts) == 2 and all(parts) and not local else None


def _without_scheme(text: str) -> RemoteUrl:
    scp = _SCP.fullmatch(text)
    if scp is None:
        return _local(text)
    if _UNFIT.search(text) or scp["path"].startswith("-"):
        raise ValueError("the path after host: holds a space or begins with a dash")
    return RemoteUrl(text)


def _local(text: str) -> RemoteUrl:
    if re.search(r"[\x00-\x1f\x7f]", text):
        raise ValueError("a path holds no control characters")
    if ":" in text.split("/", 1)[0]:
        raise ValueError(f"it takes {FORMS}")
    return RemoteUrl(text, path=Path(text))


def _with_scheme(scheme: str, text: str) -> RemoteUrl:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        raise ValueError("its host or port cannot be read") from None
    if parts.query or parts.fragment:
        raise ValueError("a repository's URL has no query and no fragment")
    if scheme == "file":
        return _file(parts)
    if not parts.hostname:
        raise ValueError("the URL names no host")
    if not parts.path.strip("/"):
        raise ValueError("the URL names a host, and no repository there")
    if scheme == "ssh":
        return _ssh(parts)
    if scheme == "https" or (scheme == "http" and is_loopback(parts.hostname)):
        return _https(scheme, parts)
    if scheme == "http":
        raise ValueError("http would carry the token in the clear; use https (http: loopback only)")
    raise ValueError(f"{scheme}:// is not allowed; it takes {FORMS}")


def _file(parts: SplitResult) -> RemoteUrl:
    if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
        raise ValueError("a file URL has three slashes and an absolute path: file:///srv/catalog")
    return RemoteUrl(f"file://{parts.path}", path=Path(unquote(parts.path)))


def _ssh(parts: SplitResult) -> RemoteUrl:
    if parts.password is not None:
        raise ValueError("an ssh URL holds no password; PAO_REPO_SSH_KEY names a key")
    return RemoteUrl(parts.geturl())


def _https(scheme: str, parts: SplitResult) -> RemoteUrl:
    """Take user and password out. A user alone is what hosts call a token in the URL."""
    place = parts.netloc.rpartition("@")[2]
    if parts.username and "@" in parts.path:
        raise ValueError("a user or password in a URL has / and @ percent-encoded")
    url = parts._replace(scheme=scheme, netloc=place).geturl()
    user = unquote(parts.username or "") or None
    password = unquote(parts.password or "") or None
    if password is None:
        return RemoteUrl(url, token=user)
    return RemoteUrl(url, username=user, token=password)
