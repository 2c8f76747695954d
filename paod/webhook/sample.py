"""A call as a host would make it, for trying a receiver: ``paod webhook test`` sends these."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from paod.webhook.decision import Followed
from paod.webhook.host import Host
from paod.webhook.letter import Letter
from paod.webhook.payload import FORM
from paod.webhook.push import BRANCHES
from paod.webhook.signature import SIGNING_PREFIX, hmac_hex, standard_signature


@dataclass(frozen=True, slots=True)
class Call:
    """One call's headers and body."""

    headers: Mapping[str, str]
    body: bytes


def ping_call(host: Host, secret: str, delivery: str, seconds: int, padding: int = 0) -> Call:
    """Make a ping. ``seconds``: the time, since 1970; ``padding``: bytes that say nothing."""
    payload = {"padding": "x" * padding} if padding else {}
    return _call(host, min(host.pings, key=len), payload, secret, delivery, seconds)


def push_call(host: Host, followed: Followed, secret: str, delivery: str, seconds: int) -> Call:
    """Make the smallest push to the branch that is followed; it tells no commit and no file."""
    event = min(host.pushes, key=len)
    payload = _PUSHES[host.name](followed.url, BRANCHES + followed.branch)
    return _call(host, event, payload, secret, delivery, seconds)


def form_call(host: Host, followed: Followed, secret: str, delivery: str, seconds: int) -> Call:
    """Make the same push as a form; Gitea and Forgejo sign the JSON in it, GitHub the form."""
    call = push_call(host, followed, secret, delivery, seconds)
    body = urlencode({"payload": call.body.decode()}).encode()
    signed = call.body if host.name == "gitea" else body
    proof = _proof(host, secret, delivery, seconds, signed)
    return Call({**call.headers, **proof, "Content-Type": FORM}, body)


def button_call(host: Host, followed: Followed, secret: str, delivery: str, seconds: int) -> Call:
    """Make the push that Gitea's and Forgejo's test button sends: from nothing to nothing."""
    payload = _PUSHES[host.name](followed.url, BRANCHES + followed.branch)
    payload |= {"before": "0" * 40, "after": "0" * 40}
    return _call(host, min(host.pushes, key=len), payload, secret, delivery, seconds)


DOCTORS_DELIVERY = "paod-doctor"
"""The id of what ``paod doctor`` sends: one row, and nobody's word that webhooks arrive."""
OTHER_CALLS: Mapping[str, Mapping[str, Callable[[Host, Followed, str, str, int], Call]]] = {
    "github": {"form": form_call},
    "gitea": {"form": form_call, "test button": button_call},
}
"""What else each host may send, by its name and in words."""

_PUSHES: Mapping[str, Callable[[str, str], dict[str, Any]]] = {
    "github": lambda url, ref: {"ref": ref, "repository": {"clone_url": url}},
    "gitlab": lambda url, ref: {"ref": ref, "project": {"git_http_url": url}},
    "gitea": lambda url, ref: {"ref": ref, "repository": {"clone_url": url}},
    "bitbucket": lambda url, ref: {
        "push": {"changes": [{"new": {"type": "branch", "name": ref.removeprefix(BRANCHES)}}]},
        "repository": {"links": {"html": {"href": url}}},
    },
    "generic": lambda url, ref: {"ref": ref, "repository": url},
}


def _call(
    host: Host, event: str, payload: Mapping[str, Any], secret: str, delivery: str, seconds: int
) -> Call:
    body = json.dumps(payload).encode()
    headers = {
        "Content-Type": "application/json",
        host.event_headers[0]: event,
        host.delivery_headers[0]: delivery,
        **_proof(host, secret, delivery, seconds, body),
    }
    return Call(headers, body)


def _proof(host: Host, secret: str, delivery: str, seconds: int, body: bytes) -> dict[str, str]:
    """Return the headers that show whose call it is. Raises ValueError for a bad signing token."""
    name = host.proof_headers[0]
    if host.name != "gitlab":
        prefix = "" if host.name == "gitea" else "sha256="
        return {name: prefix + hmac_hex(secret, body)}
    if not secret.startswith(SIGNING_PREFIX):
        return {name: secret.encode().decode("latin-1")}  # a header is sent as Latin-1
    signature = standard_signature(secret, delivery, str(seconds), Letter.of(body))
    return {"webhook-timestamp": str(seconds), "webhook-signature": signature}
