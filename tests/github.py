"""A small GitHub on loopback: repositories by https, and of its API what an app needs.

It is as strict as GitHub's documentation: who calls shows a JWT of the app, RS256, made at most ten
minutes before its end; a token is one installation's, and only the newest one counts here.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.remote import GitServer, _Handler

API = "/api/v3"
APP = "Iv23lexample"


def make_key() -> tuple[str, Any]:
    """Make an app's key; return it in PEM as GitHub gives it, and its public half."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    return pem.decode(), key.public_key()


@dataclass
class GitHub(GitServer):
    """A Git server that is also an API. ``installed``: installation's number by repository.

    ``refusals`` are answered first, in order: status, and headers. ``made`` counts tokens.
    """

    public_key: Any = None
    installed: dict[str, int] = field(default_factory=lambda: {"org/catalog": 7})
    lifetime: float = 3600.0
    clock: Callable[[], float] = time.time
    made: int = 0
    calls: list[tuple[str, str, Any]] = field(default_factory=list)
    refusals: list[tuple[int, dict[str, str]]] = field(default_factory=list)

    def __enter__(self) -> GitHub:
        super().__enter__()
        self.token = "none was made yet"
        self._server.RequestHandlerClass = _ApiHandler
        return self

    def answer(self, method: str, path: str, authorization: str, body: Any) -> tuple[int, Any]:
        """Answer a request to the API."""
        self.calls.append((method, path, body))
        try:
            claims = jwt.decode(
                authorization.removeprefix("Bearer "),
                self.public_key,
                algorithms=["RS256"],
                options={
                    "verify_exp": False,
                    "verify_iat": False,
                },  # by the clock that is used here
            )
        except jwt.PyJWTError:
            return 401, {"message": "A JSON web token could not be decoded"}
        now = self.clock()
        if claims["iss"] != APP or not claims["iat"] <= now < claims["exp"] <= now + 600:
            return 401, {"message": "'Expiration time' claim ('exp') is too far in the future"}
        if method == "GET" and path.startswith("/repos/") and path.endswith("/installation"):
            number = self.installed.get(path.removeprefix("/repos/").removesuffix("/installation"))
            return (200, {"id": number}) if number else (404, {"message": "Not Found"})
        for place, number in self.installed.items():
            if (method, path) == ("POST", f"/app/installations/{number}/access_tokens"):
                if body != {"repositories": [place.split("/")[1]]}:
                    return 422, {"message": "There is at least one repository that does not exist"}
                return 201, self._make()
        return 404, {"message": "Not Found"}

    def _make(self) -> dict[str, Any]:
        self.made += 1
        self.token = f"ghs_{self.made:036}"
        ends = datetime.fromtimestamp(self.clock() + self.lifetime, UTC)
        return {"token": self.token, "expires_at": ends.strftime("%Y-%m-%dT%H:%M:%SZ")}


class _ApiHandler(_Handler):
    def _answer(self, body: bytes) -> None:
        if not self.path.startswith(API):
            return super()._answer(body)
        github = self.server.git
        assert isinstance(github, GitHub)
        if github.refusals:
            status, headers = github.refusals.pop(0)
            return self._say(status, {}, headers)
        authorization = self.headers.get("Authorization", "")
        path = self.path.removeprefix(API)
        sent = json.loads(body) if body else None
        return self._say(*github.answer(self.command, path, authorization, sent), {})

    def _say(self, status: int, value: Any, headers: dict[str, str]) -> None:
        content = json.dumps(value).encode()
        self._start(status, [*headers.items(), ("Content-Length", str(len(content)))])
        self.wfile.write(content)
