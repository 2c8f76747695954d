"""Health, for machines that watch over paod: open to all, so it tells no secrets and no names.

Liveness is the process, readiness a catalog to serve. Being stale is neither: the last good catalog
is served all the same, and ``health`` says why it may be old.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import falcon

from paod import __version__
from paod.api import links
from paod.api.freshness import Reason, cut_off, staleness, was_read, without_documents
from paod.api.operation import Answer, Operation, Readable
from paod.api.standing import head_told
from paod.basis import applied_with
from paod.config import Settings
from paod.errors import StoreError
from paod.model import Head, other_rules, other_source
from paod.store import Store

Json = dict[str, Any]


class Health(Readable):
    """How paod is, with reasons."""

    path = links.HEALTH
    operation = Operation(
        "See how paod is",
        "nobody",
        {
            200: Answer("A catalog is served; `degraded` says why it may be old.", "health"),
            503: Answer("There is no catalog to serve.", "health"),
        },
    )

    def __init__(self, store: Store, settings: Settings, now: Callable[[], datetime]) -> None:
        self._store = store
        self._settings = settings
        self._now = now

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer with how it is."""
        try:
            body = self._told()
        except StoreError as error:
            reason = Reason(error.reason_given, "the database cannot be used now")
            body = self._unavailable([reason])
        if body["status"] == "unavailable":
            resp.status = falcon.HTTP_503
        resp.set_header("Cache-Control", "no-store")
        resp.media = body

    def _told(self) -> Json:
        head, last = self._store.head(), self._store.last_following()
        stale = staleness(head, last, self._settings, self._now())
        if not was_read(head):
            return self._unavailable(stale)
        reasons = [
            *stale,
            *without_documents(head, last),
            *self._differing(head),
            *cut_off(self._store.cut_off_in_a_row()),
        ]
        return self._body("degraded" if reasons else "ok", reasons) | {
            **head_told(head),
            "stale": bool(stale),
            "pinned": head.pin is not None,
            "leader": self._led(),
        }

    def _differing(self, head: Head) -> list[Reason]:
        """Say that this machine's settings are not those that made the catalog, not which."""
        if not self._store.database.shared:
            return []
        mine = applied_with(self._settings)
        if other_source(head.applied_with, mine):
            message = (
                "this machine follows another repository, branch or root than the catalog is of"
            )
            return [Reason("SettingsDiffer", message)]
        if other_rules(head.applied_with, mine):
            return [Reason("RulesDiffer", "this machine judges files by other rules than another")]
        return []

    def _led(self) -> bool | None:
        """Whether some machine syncs now; None: this one has the database to itself."""
        if not self._store.database.shared:
            return None
        return self._store.database.sync_holder() is not None

    def _unavailable(self, reasons: list[Reason]) -> Json:
        return self._body("unavailable", reasons)

    def _body(self, status: str, reasons: list[Reason]) -> Json:
        return {
            "status": status,
            "reasons": [reason.as_json() for reason in reasons],
            "version": __version__,
            "webhooks": "on" if self._settings.webhook_secret else "off",
        }


class Liveness(Readable):
    """Whether the process answers at all."""

    path = "/livez"
    operation = Operation(
        "See whether the process answers", "nobody", {200: Answer("It does.", "liveness")}
    )

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer without asking anybody."""
        resp.set_header("Cache-Control", "no-store")
        resp.media = {"status": "alive"}


class Readiness(Readable):
    """Whether there is a catalog to serve."""

    path = "/readyz"
    operation = Operation(
        "See whether a catalog is loaded",
        "nobody",
        {
            200: Answer("One is.", "readiness"),
            503: Answer("None is.", "readiness"),
        },
    )

    def __init__(self, store: Store) -> None:
        self._store = store

    def on_get(self, req: falcon.Request, resp: falcon.Response, **places: Any) -> None:
        """Answer by the head alone."""
        reason = self._missing()
        if reason is not None:
            resp.status = falcon.HTTP_503
        resp.set_header("Cache-Control", "no-store")
        resp.media = {"status": "not ready" if reason else "ready", "reason": reason}

    def _missing(self) -> str | None:
        try:
            return None if was_read(self._store.head()) else "the repository was not read yet"
        except StoreError:
            return "the database cannot be used now"
