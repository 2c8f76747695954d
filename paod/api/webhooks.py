"""The receiver of webhooks: genuine first, then stored, then answered, and never kept waiting.

Whose call it is shows before anything in the body is looked at. What a genuine
delivery asks for is committed together with the delivery before the host is told.
"""

from __future__ import annotations

import io
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import falcon

from paod.api import links
from paod.api.body import read_bytes, too_large
from paod.api.callers import counted_as, source
from paod.api.errors import Refusal
from paod.api.operation import DELIVERY_SECONDS, Answer, Body, Operation, Resource
from paod.api.owed import Owed
from paod.api.parameters import DELIVERY, text
from paod.api.rate import RateLimit
from paod.config import Settings
from paod.errors import StoreError
from paod.log import event as log_event
from paod.metrics import Meters
from paod.model import SyncRequest
from paod.store import Delivery, Received, Store
from paod.webhook import (
    FORM,
    HOSTS,
    PARSED_BYTES,
    Decision,
    Followed,
    Host,
    Letter,
    Malformed,
    decide,
    decide_unread,
    is_delivery_id,
    read_payload,
)

MOST_BYTES: Final = 25 * 1024 * 1024
REFUSALS: Final = {
    "bad-signature": "refused",
    "too-many-requests": "limited",
    "webhooks-off": "failed",
}
"""Refusals by what is counted of them; all others are of malformed deliveries."""


class Webhook(Resource):
    """Takes what one host delivers."""

    def __init__(self, host: Host, reception: Reception) -> None:
        self.path = links.webhook(host.name)
        self.operation = _operation(host)
        self._host = host
        self._reception = reception

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer a delivery when it is stored."""
        resp.media = self._reception.take(self._host, req)


def webhooks(
    store: Store,
    settings: Settings,
    clock: Callable[[], float],
    stopping: threading.Event,
    meters: Meters,
) -> list[Webhook]:
    """Return the receivers of all hosts, behind one reception."""
    reception = Reception(store, settings, clock, stopping, meters)
    return [Webhook(host, reception) for host in HOSTS.values()]


def _operation(host: Host) -> Operation:
    proofs = [
        replace(text(name, "What shows whose call it is."), required=host.proof_headers == (name,))
        for name in host.proof_headers
    ]
    only = len(host.event_headers) == 1 and host.event_unless_told is None
    events = [replace(text(name, "What happened."), required=only) for name in host.event_headers]
    deliveries = [replace(DELIVERY, name=name) for name in host.delivery_headers]
    return Operation(
        f"Take a delivery of {host.title}",
        "nobody",
        {200: Answer("What becomes of it.", "delivery-answer")},
        body=Body(f"{host.name}-push", ("application/json", FORM)),
        refuses=(400, 401, 413, 422, 429, 503),
        headers=(*proofs, *events, *deliveries),
        seconds=DELIVERY_SECONDS,
    )


class Reception:
    """The one path that the deliveries of all hosts take; an address has one rate for them all."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Callable[[], float],
        stopping: threading.Event,
        meters: Meters,
    ) -> None:
        self._store = store
        self._meters = meters
        self._secret = settings.webhook_secret
        self._followed = Followed(
            settings.repo_url, settings.repo_branch, settings.catalog_root, settings.repo_aliases
        )
        rate = settings.webhook_rate
        self._limit, self._forged_limit = (
            RateLimit(rate.count, rate.seconds, clock) for _ in range(2)
        )
        self._owed = Owed(store.enqueue, stopping)

    def take(self, host: Host, req: falcon.Request) -> dict[str, Any]:
        """Store a delivery and return what to answer; raise ``Refusal``."""
        outcome = "failed"
        try:
            answer = self._take(host, req)
            outcome = answer["status"]
        except Refusal as refusal:
            outcome = REFUSALS.get(refusal.kind, "malformed")
            raise
        finally:
            self._meters.delivered(_sort(host, req), outcome)
        return answer

    def _take(self, host: Host, req: falcon.Request) -> dict[str, Any]:
        if self._secret is None:
            detail = "set PAO_WEBHOOK_SECRET, and the same secret in the hook's settings"
            raise Refusal("webhooks-off", detail)
        body = _letter(req)
        signer = host.matching_secret(self._secret.values(), req.get_header, body)
        self._check_rate(host, req, signer is not None)
        if signer is None:
            _log_refused(host, "refused", req, logging.WARNING)
            raise Refusal("bad-signature", _unproven(host))
        event, delivery_id = _headers(host, req, body)
        answer = self._stored(event, delivery_id, self._decide(host, req, event, body))
        _log(host, event, delivery_id, signer, answer)
        return answer

    def _check_rate(self, host: Host, req: falcon.Request, genuine: bool) -> None:
        """Refuse what comes too often; a genuine push is followed by a sync all the same.

        Forged deliveries are counted apart, or they could use up what the host is allowed when
        both come from one address, as they do behind a proxy.
        """
        limit = self._limit if genuine else self._forged_limit
        seconds = limit.take(counted_as(req))
        if not seconds:
            return
        if genuine and host.event(req.get_header) in host.pushes:
            about = {"event": "push", "host": host.name}
            self._ask(SyncRequest("webhook", webhook=about))
        # strangers must not fill the log
        _log_refused(host, "limited", req, logging.INFO if genuine else logging.DEBUG)
        detail = "too many deliveries came from this address"
        raise Refusal("too-many-requests", detail, {"Retry-After": str(seconds)})

    def _decide(self, host: Host, req: falcon.Request, event: str, body: Letter) -> Decision:
        if body.size > PARSED_BYTES:
            return decide_unread(host, event)
        found: Any = read_payload(body.read(PARSED_BYTES), req.content_type)
        if not isinstance(found, Malformed):
            found = self._decided(host, event, found)
        if isinstance(found, Malformed):
            raise Refusal(found.kind, found.detail)
        decision: Decision = found
        return decision

    def _decided(self, host: Host, event: str, payload: Mapping[str, Any]) -> Decision | Malformed:
        """Decide; a push to where the host says that the repository has moved is ours as well."""
        found = decide(host, event, payload, self._followed)
        if isinstance(found, Malformed) or not found.elsewhere:
            return found
        moved = self._store.moved_to()
        if moved is None:
            return found
        aliases = (*self._followed.aliases, moved)
        return decide(host, event, payload, replace(self._followed, aliases=aliases))

    def _ask(self, request: SyncRequest) -> None:
        try:
            self._store.enqueue(request)
        except StoreError:
            self._owed.note(request)
            raise

    def _stored(self, event: str, delivery_id: str, decision: Decision) -> dict[str, Any]:
        request = decision.request
        if request is not None:
            webhook = {**decision.about, "delivery_id": delivery_id}
            request = replace(request, webhook=webhook)
        received = self._receive(_delivery(event, delivery_id, decision), request)
        return _answer(delivery_id, decision, received)

    def _receive(self, delivery: Delivery, request: SyncRequest | None) -> Received:
        try:
            return self._store.receive(delivery, request)
        except StoreError:
            if request is not None:
                self._owed.note(request)
            raise


def _letter(req: falcon.Request) -> Letter:
    """Return a delivery's body, which stays where the server keeps it; refuse one too large."""
    size = req.content_length or 0
    if size > MOST_BYTES:
        raise too_large(MOST_BYTES)
    file = req.env["wsgi.input"]
    if not getattr(file, "seekable", bool)():  # of another server than ours
        file = io.BytesIO(read_bytes(req, MOST_BYTES))
        size = len(file.getbuffer())
    return Letter(file, size)


def _headers(host: Host, req: falcon.Request, body: Letter) -> tuple[str, str]:
    """Return the event and the delivery's id.

    One without an id is known by its bytes where they tell pushes apart, else it is a new one.
    """
    event, delivery_id = host.event(req.get_header), host.delivery(req.get_header)
    if not event or len(event) > 100 or not event.isprintable():
        names = " or ".join(host.event_headers)
        raise Refusal("bad-delivery", f"{names} is missing, or is no event's name")
    if delivery_id is None:
        known = host.told_apart_by_bytes
        made = uuid.UUID(bytes=body.sha256()[:16]) if known else uuid.uuid4()
        return event, str(made)
    if not is_delivery_id(delivery_id):
        names = " or ".join(host.delivery_headers)
        raise Refusal("bad-delivery", f"{names} is no delivery's id")
    return event, delivery_id


def _sort(host: Host, req: falcon.Request) -> str:
    """Return what an event is, in few words: its name is whatever its sender wrote."""
    event = host.event(req.get_header)
    return "push" if event in host.pushes else "ping" if event in host.pings else "other"


def _unproven(host: Host) -> str:
    names = " or ".join(host.proof_headers)
    return f"{names} does not show that it was made with a secret of PAO_WEBHOOK_SECRET"


def _log(host: Host, event: str, delivery_id: str, signer: int, answer: Mapping[str, Any]) -> None:
    """Log one delivery as one line. ``signer`` is the number of the secret that made it."""
    log_event(
        "webhook",
        host=host.name,
        delivery=delivery_id,
        event=event,
        secret=signer,
        outcome=answer["status"],
        sync=answer.get("sync_id"),
        reason=answer.get("reason"),
    )


def _log_refused(host: Host, outcome: str, req: falcon.Request, level: int) -> None:
    log_event("webhook", level=level, host=host.name, outcome=outcome, source=source(req))


def _delivery(event: str, delivery_id: str, decision: Decision) -> Delivery:
    about = decision.about
    return Delivery(
        delivery_id,
        event,
        decision.status,
        decision.reason,
        about.get("after"),
        about,
        decision.branch_gone,
        decision.unchanged_since,
    )


def _answer(delivery_id: str, decision: Decision, received: Received) -> dict[str, Any]:
    if decision.status == "pong":
        return _with_reason({"status": "pong"}, decision)
    if received.duplicate:
        return {"status": "duplicate", "sync_triggered": False, "delivery_id": delivery_id}
    answer: dict[str, Any] = {
        "status": decision.status,
        "sync_triggered": received.sync_id is not None,
        "delivery_id": delivery_id,
    }
    if received.sync_id is not None:
        answer["sync_id"] = received.sync_id
    looked_at = decision.unchanged_since is not None and not received.spared
    return answer if looked_at else _with_reason(answer, decision)


def _with_reason(answer: dict[str, Any], decision: Decision) -> dict[str, Any]:
    return answer | {"reason": decision.reason} if decision.reason else answer
