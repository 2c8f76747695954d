"""What leaves and comes back: a webhook's way in through the proxy, and the right to set statuses.

Both are tried as they will be used: one ping, and one status for a commit that there cannot be.
"""

from __future__ import annotations

import time
from typing import Any, Final
from urllib.parse import urlsplit

from paod.config import Settings
from paod.daemon.delivery import outlets_of, post, said_by_api
from paod.doctor.calling import Outcome, likely_host, try_call
from paod.doctor.finding import Finding, bad, good, skipped, warning
from paod.errors import PaodError, RequestFailed
from paod.outgoing import Answer, Way
from paod.store import Message
from paod.webhook import DOCTORS_DELIVERY, HOSTS, ping_call

PADDING: Final = 1_200_000
"""Bytes of the ping: more than the megabyte at which nginx stops unless it is told otherwise."""
SECONDS: Final = 6.0
NOWHERE: Final = "0" * 40
"""A commit that there cannot be: who may set a status is told 422, and none is set."""
RIGHTS: Final = ("x-accepted-github-permissions", "x-accepted-oauth-scopes")


def way_in(settings: Settings) -> Finding:
    """Ping the address at which people find paod, as the Git host will."""
    if settings.public_url is None:
        return skipped("way in", "PAO_PUBLIC_URL is not set")
    if settings.webhook_secret is None:
        return skipped("way in", "PAO_WEBHOOK_SECRET is not set")
    host = HOSTS[likely_host(settings.repo_url)]
    secret = settings.webhook_secret.value()
    call = ping_call(host, secret, DOCTORS_DELIVERY, int(time.time()), PADDING)
    place = urlsplit(settings.public_url).netloc.rpartition("@")[2]
    path = f"/api/v1/webhooks/{host.name}"
    way = Way(settings.repo_ca_file, connect=SECONDS / 2, read=SECONDS, whole=SECONDS)
    return _judged(f"{place}{path}", try_call("ping", settings.public_url + path, way, call))


def _judged(place: str, outcome: Outcome) -> Finding:
    if not outcome.remedy:
        told = f"a signed ping of {PADDING / 1e6:.1f} MB to {place} reached paod"
        return good("way in", told)
    answered = f"HTTP {outcome.status} {outcome.told}".rstrip() if outcome.status else outcome.told
    return warning("way in", f"a ping to {place}: {answered}", outcome.remedy)


def statuses(settings: Settings) -> Finding:
    """Try whether the token may set statuses, by one for a commit that there cannot be."""
    outlet = next((one for one in outlets_of(settings, SECONDS) if one.kind == "status"), None)
    if outlet is None:
        return skipped("statuses", "PAO_COMMIT_STATUS is not set")
    try:
        answer = post(outlet, outlet.request(_trial()))
        if answer.status >= 500:  # Gitea has no answer of its own for a commit that is not there
            answer = post(outlet, outlet.request(_trial(state=0)))
    except RequestFailed as failure:
        remedy = failure.hint or "see that PAO_COMMIT_STATUS is the address of the host's API"
        return bad("statuses", str(failure), remedy)
    except PaodError as error:
        return bad("statuses", str(error), error.hint or "see PAO_COMMIT_STATUS_TOKEN")
    return _right(settings, answer)


def _trial(state: Any = "error") -> Message:
    facts = {"commit": NOWHERE, "state": state, "description": "paod doctor"}
    return Message(0, "status", "paod-doctor", 1, "", facts)


def _right(settings: Settings, answer: Answer) -> Finding:
    api = urlsplit(settings.commit_status or "").netloc
    if answer.status in (400, 422):
        return good("statuses", f"the token may set them at {api}")
    said, _, remedy = said_by_api(answer).partition("; ")
    told = f"{api} answers HTTP {answer.status}{said} to a status"
    if answer.status == 429 or answer.status >= 500:
        return warning("statuses", told, "run the doctor again later; the log has what was refused")
    wanted = next((answer.headers[name] for name in RIGHTS if answer.headers.get(name)), "")
    if wanted and answer.status != 401:
        told += f"; it asks for {ascii(wanted)[1:-1][:80]}"
    fallback = "see that PAO_COMMIT_STATUS is the address of the API, and PAO_REPO_URL right"
    return bad("statuses", told, remedy or fallback)
