"""``paod webhook test``: calls a running daemon as a Git host would, and tells what came back."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict

import click

from paod.cli.exits import Exit
from paod.cli.options import as_json, with_settings
from paod.cli.output import complain, print_json, print_pairs
from paod.config import Settings
from paod.doctor import Outcome, likely_host, try_call
from paod.errors import PaodError
from paod.outgoing import Way
from paod.webhook import HOSTS, OTHER_CALLS, Call, Followed, Host, ping_call, push_call


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
    chosen = HOSTS[host or likely_host(settings.repo_url)]
    address = _address(settings, url, chosen)
    outcomes: list[Outcome] = []
    for name, call in _calls(settings, chosen):
        outcomes.append(try_call(name, address, Way(settings.repo_ca_file), call))
        if outcomes[-1].remedy:
            break  # what stands in the way of one stands in the way of the next
    if as_json:
        print_json({"url": address, "host": chosen.name, "calls": list(map(asdict, outcomes))})
    else:
        _tell(address, chosen, outcomes)
    return Exit.FAILED if any(one.remedy for one in outcomes) else Exit.FINE


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


def _tell(address: str, host: Host, outcomes: list[Outcome]) -> None:
    print_pairs([("to", f"{address}, as {host.title}")])
    for one in outcomes:
        answered = f"{one.status} {one.told}".rstrip() if one.status else one.told
        if one.remedy:
            complain(f"{one.call}: {answered}", one.remedy)
        else:
            print_pairs([(one.call, answered)])
