"""Tokens of a GitHub App's installation: short-lived, for one repository, renewed before they end.

An app has a key in place of a token that somebody has to renew: with it paod signs who it is (a JWT
of ten minutes), and GitHub gives a token of an hour for it. Nothing of that is written anywhere.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.util import find_spec
from typing import Any
from urllib.parse import quote

from paod.config import Secret, Settings, basic_of
from paod.errors import AccessDenied, FetchFailed, PaodError, RequestFailed, SettingsError
from paod.outgoing import Answer, Way, send
from paod.repository_url import owner_and_name, read

DRIFT = 60.0
"""Seconds by which this clock may be ahead of GitHub's."""
JWT_SECONDS = 540.0
"""GitHub takes ten minutes at most."""
RENEW_SECONDS = 300.0
"""Before its end a token is renewed; until then the old one serves while no new one can be had."""
HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}

_REASONS = {
    "HostUnknown": "RemoteUnreachable",
    "ConnectionRefused": "RemoteUnreachable",
    "Timeout": "RemoteTimeout",
    "TlsFailed": "TlsError",
    "ProxyRefused": "ProxyRefused",
}
"""What a failed request is called where it stands in the way of a fetch."""

_NOT_INSTALLED = (
    "RepositoryNotFound",
    "the app {app} is not installed for {place}",
    "install it there (the app's settings, Install App), or check PAO_REPO_URL and"
    " PAO_GITHUB_APP_INSTALLATION_ID, which may be left out",
)
_DENIALS = {
    401: (
        "AuthenticationFailed",
        "GitHub does not take the key for the app {app}",
        "PAO_GITHUB_APP_ID and PAO_GITHUB_APP_KEY must be of one app, and this machine's clock"
        " right to a minute",
    ),
    403: (
        "Forbidden",
        "GitHub forbids the app {app} to read {place}",
        "see whether the installation is suspended, and give it Contents: read-only",
    ),
    404: _NOT_INSTALLED,
    422: _NOT_INSTALLED,
}
"""Statuses that go on until somebody mends something: reason, what it means, what to do."""


@dataclass(frozen=True, slots=True)
class App:
    """A GitHub App, and the repository that it shall read. ``installation`` None: look it up."""

    id: str
    key: Secret
    api: str
    owner: str
    repository: str
    installation: int | None
    way: Way

    def assertion(self, now: float) -> str:
        """Sign who this is, with the key as it is now; raise ``SettingsError`` for an unfit one."""
        import jwt  # an extra: only who has an app needs it

        claims = {"iat": int(now - DRIFT), "exp": int(now + JWT_SECONDS), "iss": self.id}
        try:
            return jwt.encode(claims, self.key.value(), algorithm="RS256")
        except (jwt.exceptions.PyJWTError, ValueError, TypeError):
            pass
        raise SettingsError(  # without its cause, which might quote the key
            f"{self.key.origin} is no RSA private key in PEM, or one with a passphrase",
            "give the file that GitHub made under the app's private keys, as it is",
        )


@dataclass(frozen=True, slots=True)
class _Token:
    value: str = field(repr=False)
    ends: float


class Tokens:
    """The installation's token, kept until it is about to end. ``clock``: seconds since 1970."""

    def __init__(self, app: App, clock: Callable[[], float] = time.time) -> None:
        self._app = app
        self._clock = clock
        self._lock = threading.Lock()
        self._token: _Token | None = None
        self._installation = app.installation

    def token(self) -> str:
        """Return a token that is good for some minutes at least.

        Raises ``AccessDenied`` and ``FetchFailed`` like a fetch, ``SettingsError`` for a bad key.
        """
        with self._lock:
            token = self._token
            left = token.ends - self._clock() if token else 0.0
            if token is None or left < RENEW_SECONDS:
                token = self._token = self._renewed(token, left)
            return token.value

    def present(self) -> tuple[str, ...]:
        """Return the token that is kept now, or nothing; no other is asked for."""
        token = self._token
        return () if token is None else (token.value,)

    def forget(self) -> None:
        """Get a new token next time: this one was refused, or the app was installed anew."""
        with self._lock:
            self._token = None
            self._installation = self._app.installation

    def check(self) -> None:
        """Raise ``SettingsError`` where the key or the library for it is not fit."""
        if find_spec("jwt") is None or find_spec("cryptography") is None:
            raise SettingsError(
                "PAO_GITHUB_APP_ID is set, and what signs with an app's key is not installed",
                "pip install 'paod[github]'",
            )
        self._app.assertion(self._clock())

    def _renewed(self, old: _Token | None, left: float) -> _Token:
        try:
            return self._fetch()
        except FetchFailed:
            if old is None or left <= 0:
                raise
            return old
        except AccessDenied:  # the app may be installed anew, under another number
            self._installation = self._app.installation
            raise

    def _fetch(self) -> _Token:
        app = self._app
        if self._installation is None:
            place = f"/repos/{quote(app.owner, safe='')}/{quote(app.repository, safe='')}"
            found = self._ask("GET", f"{place}/installation", None)
            self._installation = _integer(found, "id", app)
        path = f"/app/installations/{self._installation}/access_tokens"
        made = self._ask("POST", path, {"repositories": [app.repository]})
        try:
            return _Token(
                str(made["token"]), datetime.fromisoformat(made["expires_at"]).timestamp()
            )
        except (KeyError, TypeError, ValueError):
            raise _no_api(app) from None

    def _ask(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        app = self._app
        data = None if body is None else json.dumps(body).encode()
        headers = HEADERS | {"Authorization": f"Bearer {app.assertion(self._clock())}"}
        try:
            answer = send(method, app.api + path, app.way, headers, data)
        except RequestFailed as failure:
            reason = _REASONS.get(failure.reason_given, "RemoteProtocolError")
            message = f"no token of the GitHub App: {failure}"
            raise FetchFailed(message, failure.hint, reason=reason) from failure
        if not answer.accepted:
            raise self._refusal(answer)
        try:
            value = json.loads(answer.body)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise _no_api(app)
        return value

    def _refusal(self, answer: Answer) -> PaodError:
        """Return what GitHub's refusal means; its own words are for its logs."""
        app, status = self._app, answer.status
        if status == 429 or (status == 403 and answer.rest):
            return FetchFailed(
                f"{app.api} limits how often it is asked",
                "`paod serve` waits as long as it was asked to",
                reason="RateLimited",
                retry_after=answer.rest,
            )
        if status in _DENIALS:
            reason, message, hint = _DENIALS[status]
            place = f"{app.owner}/{app.repository}"
            return AccessDenied(message.format(app=app.id, place=place), hint, reason=reason)
        if 300 <= status < 400:
            return FetchFailed(
                f"{app.api} knows {app.owner}/{app.repository} at another address",
                "set PAO_REPO_URL to the repository's present address",
                reason="RemoteProtocolError",
            )
        return FetchFailed(f"{app.api} answered HTTP {status}", reason="RemoteError")


@cache
def tokens_of(settings: Settings) -> Tokens | None:
    """Return the tokens of the settings' app, the same for all who ask; None: there is none."""
    if settings.github_app_id is None:
        return None
    repository = owner_and_name(settings.repo_url)
    assert repository is not None, "the settings were checked"
    assert settings.github_app_key is not None, "the settings were checked"
    return Tokens(
        App(
            settings.github_app_id,
            settings.github_app_key,
            api_of(settings.repo_url),
            *repository,
            settings.github_app_installation_id,
            Way(settings.repo_ca_file, settings.repo_proxy),
        )
    )


def secrets_of(settings: Settings) -> tuple[str, ...]:
    """Return all that must never be shown: the settings' secrets, and the app's token of now."""
    tokens = tokens_of(settings)
    app = () if tokens is None else tokens.present()
    return (*settings.secret_values(), *app, *(basic_of(one) for one in app))


def api_of(url: str) -> str:
    """Return the address of the API of the GitHub that a repository's https URL names.

    GitHub's own is at api.github.com, that of a tenant of GHE.com at api.TENANT.ghe.com, that of
    an Enterprise Server below /api/v3 of its address.
    """
    address = read(url)
    if address.host == "github.com" or address.host.endswith(".ghe.com"):
        return f"{address.scheme}://api.{address.place}"
    return f"{address.scheme}://{address.place}/api/v3"


def _integer(found: dict[str, Any], key: str, app: App) -> int:
    value = found.get(key)
    if not isinstance(value, int):
        raise _no_api(app)
    return value


def _no_api(app: App) -> FetchFailed:
    return FetchFailed(
        f"{app.api} does not answer as GitHub's API does",
        "see that PAO_REPO_URL names a GitHub, and what stands in between",
        reason="RemoteProtocolError",
    )
