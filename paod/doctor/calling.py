"""Calls a daemon as a Git host would, and judges what came back: which of all in between it met."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from paod.errors import RequestFailed
from paod.outgoing import Answer, Way, send
from paod.repository_url import repository_key
from paod.webhook import HOSTS, Call

TOLD = "urn:paod:problem:"
REMEDIES: dict[str | int, str] = {
    "bad-signature": "the daemon has another PAO_WEBHOOK_SECRET than these settings, or something"
    " on the way changes the body",
    "webhooks-off": "the daemon has no PAO_WEBHOOK_SECRET: set it and restart",
    "bad-delivery": "something on the way drops headers: let the proxy pass all of them",
    "too-many-requests": "wait a little; behind a proxy set PAO_TRUSTED_PROXY to its address",
    "store-unavailable": "the daemon's database is locked or full: `paod status` tells more",
    "settings-unavailable": "a file with a secret cannot be read; the daemon's log tells which",
    "internal": "a fault of paod's own; the daemon's log tells more",
    301: "the address redirects, which Git hosts do not follow: use the final one",
    401: "something before paod asks for a login: let /api/v1/webhooks/ pass without one",
    404: "no paod answers at this path: give its address with --url, and see that the proxy passes"
    " /api/v1/webhooks/ on as it is",
    405: "something before paod answers: let the proxy pass POST on at /api/v1/webhooks/",
    413: "the proxy's limit of bodies is too low: 25 MiB is the hosts' own",
    502: "the proxy is there and paod is not: see whether `paod serve` runs",
    "HostUnknown": "see whether the name in the address is right",
    "ConnectionRefused": "start `paod serve`, or give its address with --url",
    "Timeout": "a firewall may be in between, or the daemon is stuck: see `paod status`",
    "TlsFailed": "Git hosts will refuse this certificate as well: use one that they trust",
    "ProtocolError": "no HTTP is spoken there, or TLS is and the address says http://",
}
for like, statuses in {301: (302, 307, 308), 401: (403,), 502: (503, 504)}.items():
    REMEDIES.update(dict.fromkeys(statuses, REMEDIES[like]))
NOT_PAOD = "this is no answer of paod's: a login page, or another program"
OTHER_FOLLOWED = "the daemon follows another repository or branch than these settings"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call. ``remedy`` is "" where all is well; ``status`` 0: no answer."""

    call: str
    status: int
    told: str
    remedy: str


def likely_host(url: str) -> str:
    """Return the host whose name stands in the repository's address."""
    server = repository_key(url).partition("/")[0]
    names = {"codeberg": "gitea", "forgejo": "gitea", **{name: name for name in HOSTS}}
    return next((names[name] for name in names if name in server), "github")


def try_call(name: str, address: str, way: Way, call: Call) -> Outcome:
    """Make a call at an address, once; return what came back, and what to do."""
    try:
        answer = send("POST", address, way, call.headers, call.body)
    except RequestFailed as failure:
        remedy = REMEDIES.get(failure.reason_given, failure.hint)
        return Outcome(name, 0, str(failure), remedy)
    return _judge(name, answer)


def _judge(name: str, answer: Answer) -> Outcome:
    found = _object(answer.body)
    kind = str(found.get("type", "")).removeprefix(TOLD)
    if answer.redirects:
        target = answer.headers.get("location", "").partition("?")[0]
        told = f"to {ascii(target)[1:-1][:200]}" if target else ""
        return Outcome(name, answer.status, told, REMEDIES.get(answer.status, REMEDIES[301]))
    if answer.status != 200:
        remedy = REMEDIES.get(kind) or REMEDIES.get(answer.status) or NOT_PAOD
        told = str(found.get("detail") or "")
        return Outcome(name, answer.status, f"{kind}: {told}" if told else "", remedy)
    status, reason = str(found.get("status", "")), str(found.get("reason", ""))
    told = f"{status}: {reason}" if reason else status
    if status == "ignored":
        return Outcome(name, 200, told, OTHER_FOLLOWED)
    if status not in ("pong", "accepted"):
        return Outcome(name, 200, told, NOT_PAOD)
    sync = found.get("sync_id")
    return Outcome(name, 200, f"{told}, sync {sync} was asked for" if sync else told, "")


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
