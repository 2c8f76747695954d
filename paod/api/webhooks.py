"""The receiver of webhooks: genuine first, then stored, then answered, and never kept waiting.

The signature is checked over the body's bytes before anything in it is looked at. What a genuine
delivery asks for is committed together with the delivery before the host is told.
"""

from __future__ import annotations

import hashlib
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

import falcon

from paod.api import links
from paod.api.body import read_bytes
from paod.api.errors import Refusal
from paod.api.operation import Answer, Body, Operation, Resource
from paod.api.owed import Owed
from paod.api.parameters import DELIVERY, text
from paod.api.rate import RateLimit
from paod.config import Settings
from paod.errors import StoreError
from paod.log import event as log_event
from paod.model import SyncRequest
from paod.store import Delivery, Received, Store
from paod.webhook import (
    FORM,
    PARSED_BYTES,
    Decision,
    Followed,
    Malformed,
    decide,
    decide_unread,
    is_delivery_id,
    matching_secret,
    read_payload,
)

MOST_BYTES: Final = 25 * 1024 * 1024


class GitHubWebhook(Resource):
    """Takes what GitHub, or a host that speaks like it, delivers."""

    path = f"{links.API}/webhooks/github"
    operation = Operation(
        "Take a delivery",
        "nobody",
        {200: Answer("What becomes of it.", "delivery-answer")},
        body=Body("push", ("application/json", FORM)),
        refuses=(400, 401, 413, 422, 429, 503),
        headers=(
            text("X-Hub-Signature-256", "`sha256=` and the HMAC of the body's bytes, in hex."),
            text("X-GitHub-Event", "What happened: `push`, `ping` and others."),
            DELIVERY,
        ),
    )

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Callable[[], float],
        stopping: threading.Event,
    ) -> None:
        self._store = store
        self._secret = settings.webhook_secret
        self._followed = Followed(settings.repo_url, settings.repo_branch, settings.catalog_root)
        rate = settings.webhook_rate
        self._limit, self._forged_limit = (
            RateLimit(rate.count, rate.seconds, clock) for _ in range(2)
        )
        self._owed = Owed(store.enqueue, stopping)

    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        """Answer a delivery when it is stored."""
        if self._secret is None:
            detail = "set PAO_WEBHOOK_SECRET, and the same secret in the hook's settings"
            raise Refusal("webhooks-off", detail)
        body = read_bytes(req, MOST_BYTES)
        signature = req.get_header("X-Hub-Signature-256")
        signer = matching_secret(self._secret.values(), body, signature)
        self._check_rate(req, signer is not None)
        if signer is None:
            log_event("webhook", level=logging.WARNING, outcome="refused", source=req.remote_addr)
            raise Refusal("bad-signature", "X-Hub-Signature-256 is not the body's signature")
        event, delivery_id = _headers(req, body)
        resp.media = answer = self._stored(event, delivery_id, self._decide(req, event, body))
        _log(event, delivery_id, signer, answer)

    def _check_rate(self, req: falcon.Request, genuine: bool) -> None:
        """Refuse what comes too often; a genuine push is followed by a sync all the same.

        Forged deliveries are counted apart, or they could use up what the host is allowed when
        both come from one address, as they do behind a proxy.
        """
        limit = self._limit if genuine else self._forged_limit
        seconds = limit.take(req.remote_addr)
        if not seconds:
            return
        if genuine and req.get_header("X-GitHub-Event") == "push":
            self._ask(SyncRequest("webhook", webhook={"event": "push"}))
        level = logging.INFO if genuine else logging.DEBUG  # strangers must not fill the log
        log_event("webhook", level=level, outcome="limited", source=req.remote_addr)
        detail = "too many deliveries came from this address"
        raise Refusal("too-many-requests", detail, {"Retry-After": str(seconds)})

    def _decide(self, req: falcon.Request, event: str, body: bytes) -> Decision:
        if len(body) > PARSED_BYTES:
            return decide_unread(event)
        payload = read_payload(body, req.content_type)
        found = (
            payload if isinstance(payload, Malformed) else decide(event, payload, self._followed)
        )
        if isinstance(found, Malformed):
            raise Refusal(found.kind, found.detail)
        return found

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


def _headers(req: falcon.Request, body: bytes) -> tuple[str, str]:
    """Return the event and the delivery's id; a host that gives none is known by its bytes."""
    event, delivery_id = req.get_header("X-GitHub-Event"), req.get_header("X-GitHub-Delivery")
    if not event or len(event) > 100 or not event.isprintable():
        raise Refusal("bad-delivery", "X-GitHub-Event is missing, or is no event's name")
    if delivery_id is None:
        return event, str(uuid.UUID(bytes=hashlib.sha256(body).digest()[:16]))
    if not is_delivery_id(delivery_id):
        raise Refusal("bad-delivery", "X-GitHub-Delivery is no delivery's id")
    return event, delivery_id


def _log(event: str, delivery_id: str, signer: int, answer: Mapping[str, Any]) -> None:
    """Log one delivery as one line. ``signer`` is the number of the secret that signed it."""
    log_event(
        "webhook",
        delivery=delivery_id,
        event=event,
        secret=signer,
        outcome=answer["status"],
        sync=answer.get("sync_id"),
        reason=answer.get("reason"),
    )


def _delivery(event: str, delivery_id: str, decision: Decision) -> Delivery:
    about = decision.about
    return Delivery(delivery_id, event, decision.status, decision.reason, about.get("after"), about)


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
    return _with_reason(answer, decision)


def _with_reason(answer: dict[str, Any], decision: Decision) -> dict[str, Any]:
    return answer | {"reason": decision.reason} if decision.reason else answer
