"""Where the repository is and how to reach it: checked and cleaned before anything connects.

User and password leave the address when it is read (``paod.repository_url``), so that no later
message, log line or file can show them. Nothing here touches the network.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pygit2

from paod.errors import SettingsError
from paod.repository_url import FORMS, RepositoryUrl, read

_CONTROL = re.compile(r"[\x00-\x20\x7f-\x9f\u2028\u2029]")


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
class Remote:
    """The configured repository and branch. Raises ``SettingsError`` for what is never reached.

    ``credentials`` is asked again at each connection, so that a rotated secret is used;
    ``on_denied`` is told when access was denied with them.
    ``timeout`` is for a fetch without progress; ``connect_timeout`` and ``stall_timeout`` (seconds
    without a byte) are never above it.
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
    address: RepositoryUrl = field(init=False, repr=False)

    def __post_init__(self) -> None:
        address = _address_of(self.url)
        object.__setattr__(self, "address", address)
        object.__setattr__(self, "url", _given_to_git(address))
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
        return self.credentials() or _own_credentials(self.address)


def _address_of(url: str) -> RepositoryUrl:
    try:
        return read(url)
    except ValueError as error:
        raise SettingsError(
            f"the repository's address cannot be used: {error}", f"it takes {FORMS}"
        ) from None


def _own_credentials(address: RepositoryUrl) -> Credentials | None:
    """Return those that stood in the URL; hosts take a token that stands there alone as a user."""
    if address.token is None:
        return None
    if address.username is None:
        return Credentials(address.token, "")
    return Credentials(address.username, address.token)


def _given_to_git(address: RepositoryUrl) -> str:
    folder = address.folder
    return address.connect if folder is None else str(folder.expanduser().absolute())


def _check_proxy(proxy: str) -> None:
    try:
        parts = urlsplit(proxy)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or _CONTROL.search(proxy):
        raise SettingsError("the proxy's URL cannot be used", "write http://host:port")
