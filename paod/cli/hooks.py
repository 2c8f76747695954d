"""``paod webhook test``: calls a running daemon as a Git host would, and tells what came back."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import click

from paod.cli.exits import Exit
from paod.cli.options import as_json, with_settings
from paod.cli.output import complain, print_json, print_pairs
from paod.config import Settings
from paod.errors import PaodError, RequestFailed
from paod.outgoing import Answer, Way, send
from paod.repository_url import repository_key
from paod.webhook import HOSTS, OTHER_CALLS, Call, Followed, Host, ping_call, push_call

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


@click.group()
def webhook() -> None:
    """Try the receiver of webhooks: `paod webhook test` calls it as a Git host would."""


@webhook.command()
@click.option("--url", help="The daemon's address, or its proxy's: https://paod.example.com")
@click.option(
    "--host",
    type=click.Choice(list(HOSTS)),
    help="The Git host to call as; else the one that PAO_REPO_URL names, else github.",
)
@as_json
@with_settings
def test(settings: Settings, url: str | None, host: str | None, *, as_json: bool) -> int:
    """Send a ping and a push to a running daemon, and tell what came back.

    Both are proven with the first secret of PAO_WEBHOOK_SECRET, as the Git host would do it. The
    push makes the daemon look at the branch. Exit status 1: a call did not end as it should.
    """
    chosen = HOSTS[host or _likely_host(settings.repo_url)]
    address = _address(settings, url, chosen)
    outcomes: list[Outcome] = []
    for name, call in _calls(settings, chosen):
        outcomes.append(_try(name, address, settings, call))
        if outcomes[-1].remedy:
            break  # what stands in the way of one stands in the way of the next
    if as_json:
        print_json({"url": address, "host": chosen.name, "calls": list(map(asdict, outcomes))})
    else:
        _tell(address, chosen, outcomes)
    return Exit.FAILED if any(one.remedy for one in outcomes) else Exit.FINE


def _likely_host(url: str) -> str:
    """Return the host whose name stands in the repository's address."""
    server = repository_key(url).partition("/")[0]
    names = {"codeberg": "gitea", "forgejo": "gitea", **{name: name for name in HOSTS}}
    return next((names[name] for name in names if name in server), "github")


def _address(settings: Settings, url: str | None, host: Host) -> str:
    if url is None and settings.listen.startswith("unix:"):
        raise PaodError(
            f"paod listens at {settings.listen}, where nothing but a proxy can call it",
            "give the proxy's address with --url",
        )
    base = (url or f"http://{settings.listen}").rstrip("/")
    if not base.startswith(("http://", "https://")):
        raise click.BadParameter("it takes http://… or https://…", param_hint="--url")
    path = f"/api/v1/webhooks/{host.name}"
    return base if base.endswith(path) else base + path


def _calls(settings: Settings, host: Host) -> Iterator[tuple[str, Call]]:
    if settings.webhook_secret is None:
        raise PaodError("no PAO_WEBHOOK_SECRET is set", "`openssl rand -hex 32` makes one")
    secret, now = settings.webhook_secret.value(), int(time.time())
    followed = Followed(settings.repo_url, settings.repo_branch, settings.catalog_root)
    yield "ping", ping_call(host, secret, str(uuid.uuid4()), now)
    yield "push", push_call(host, followed, secret, str(uuid.uuid4()), now)
    for name, make in OTHER_CALLS.get(host.name, {}).items():
        yield name, make(host, followed, secret, str(uuid.uuid4()), now)


def _try(name: str, address: str, settings: Settings, call: Call) -> Outcome:
    try:
        answer = send("POST", address, Way(settings.repo_ca_file), call.headers, call.body)
    except RequestFailed as failure:
        remedy = REMEDIES.get(failure.reason_given, failure.hint)
        return Outcome(name, 0, str(failure), remedy)
    return _judge(name, answer)


def _judge(name: str, answer: Answer) -> Outcome:
    found = _object(answer.body)
    kind = str(found.get("type", "")).removeprefix(TOLD)
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


def _tell(address: str, host: Host, outcomes: list[Outcome]) -> None:
    print_pairs([("to", f"{address}, as {host.title}")])
    for one in outcomes:
        answered = f"{one.status} {one.told}".rstrip() if one.status else one.told
        if one.remedy:
            complain(f"{one.call}: {answered}", one.remedy)
        else:
            print_pairs([(one.call, answered)])
