"""The ways in which hosts show that a call is theirs: each tells whether one secret made it.

A host may send one proof in several headers; the first that is there has to hold, so that a bad one
is not made good by another. Comparing takes the same time wherever two texts differ.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable

from paod.strict_json import BadJSON
from paod.webhook.letter import Letter
from paod.webhook.payload import PARSED_BYTES, form_payload, is_form

GetHeader = Callable[[str], str | None]
"""Gives a header's value as it came, None: it is not there."""
Genuine = Callable[[str, GetHeader, Letter], bool]
"""Tells of a secret, a call's headers and its body whether that secret made the call."""

SIGNING_PREFIX = "whsec_"
"""What a secret begins with that signs as Standard Webhooks has it: GitLab's signing token."""


def body_signature(*headers: tuple[str, str]) -> Genuine:
    """Make the proof that is the body's HMAC-SHA256 in hex: header names, each with its prefix."""

    def genuine(secret: str, get: GetHeader, body: Letter) -> bool:
        name, prefix = next((one for one in headers if get(one[0]) is not None), headers[0])
        signed = (one.hmac(secret.encode()).hex() for one in _signed(get, body))
        return any(_same(get(name), prefix + one) for one in signed)

    return genuine


def _signed(get: GetHeader, body: Letter) -> list[Letter]:
    """Return what may have been signed: the body, and of a form the JSON in it.

    Gitea and Forgejo sign the JSON however they send it, GitHub the form. Nothing else of a form is
    ever read, so either shows that what is read is genuine.
    """
    if not is_form(get("Content-Type")) or body.size > PARSED_BYTES:
        return [body]
    try:
        return [body, Letter.of(form_payload(body.read(PARSED_BYTES)))]
    except BadJSON:
        return [body]


def gitlab_proof(secret: str, get: GetHeader, body: Letter) -> bool:
    """Take the secret itself in ``X-Gitlab-Token``; a signing token signs and is never sent."""
    if secret.startswith(SIGNING_PREFIX):
        return _standard_signature(secret, get, body)
    return _same(get("X-Gitlab-Token"), secret)


def hmac_hex(secret: str, body: bytes) -> str:
    """Return the body's HMAC-SHA256 in lower-case hex."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def standard_signature(secret: str, call_id: str, seconds: str, body: Letter) -> str:
    """Return ``v1,<base64>`` over id, time and body, as Standard Webhooks has it.

    Raises ValueError for a secret without base64 after its prefix.
    """
    key = base64.b64decode(secret.removeprefix(SIGNING_PREFIX), validate=True)
    before = f"{call_id}.{seconds}.".encode("latin-1", "replace")
    return "v1," + base64.b64encode(body.hmac(key, before)).decode()


def _standard_signature(secret: str, get: GetHeader, body: Letter) -> bool:
    """Whether one of the signatures is this secret's. How old it is does not matter.

    A call that is replayed has the id of one that was here: it is a duplicate and moves nothing.
    """
    call_id, seconds = get("webhook-id") or "", get("webhook-timestamp") or ""
    try:
        wanted = standard_signature(secret, call_id, seconds, body)
    except (binascii.Error, ValueError):
        return False
    presented = (get("webhook-signature") or "").split(" ")[:8]
    return any(_same(one, wanted) for one in presented)


def _same(presented: str | None, wanted: str) -> bool:
    """Compare as bytes: a header may hold any of them."""
    return hmac.compare_digest(
        (presented or "").encode("latin-1", "replace"), wanted.encode("utf-8", "replace")
    )
