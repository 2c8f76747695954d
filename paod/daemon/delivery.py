"""Sends what the outbox holds, beside the syncs and never in their way: a thread for each outlet.

A receiver may take its time or all of it: the thread waits for it, within the limits of
``outgoing``, and nothing else does. What fails is tried again, later and later; what is refused for
good, too old or too often tried is given up, and said so in the log.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from paod.api import links
from paod.config import Settings
from paod.errors import PaodError, StoreError, StoreUnavailable
from paod.failpoint import failpoint
from paod.github_app import secrets_of, tokens_of
from paod.log import Redactor
from paod.messages import Request, alert_request, cut, github_request, redacted
from paod.outgoing import Answer, Way, send
from paod.repository_url import origin, owner_and_name
from paod.store import Message, MessageKind, Result, Store

LEASE = 120.0
"""Seconds after which a message that somebody took is free again: more than a request can take."""
LOOK_SECONDS = 5.0
"""After which the outbox is looked at, even if nobody called."""
OUTAGE_SECONDS = 10.0
FIRST_PAUSE = 5.0
LONGEST_PAUSE = 900.0
MOST_ATTEMPTS = 100
REQUEST_SECONDS = 20.0
LAST_SECONDS = 5.0
"""For sending, and for a request, by a command that has done its sync."""
STOP_SECONDS = 1.0
"""For a request under way when the process is told to end."""
FOR_GOOD = frozenset((400, 405, 410, 411, 413, 414, 415, 422))
"""Statuses that the same request will get again; others may come of what somebody mends."""

MOST_REDIRECTS = 3
MOST_SAID = 200
_REMEDIES = {
    300: "; the repository is at another address: set PAO_REPO_URL and PAO_COMMIT_STATUS to it",
    401: "; the token is not valid: PAO_COMMIT_STATUS_TOKEN, else PAO_REPO_TOKEN",
    403: "; the token may not write commit statuses (GitHub: Commit statuses, read and write;"
    " Gitea and Forgejo: write:repository, and its user may push)",
    404: "; the API knows no such repository, or the token may not see it",
}

logger = logging.getLogger("paod.daemon")

Uniform = Callable[[float, float], float]


@dataclass(frozen=True, slots=True)
class Outlet:
    """Where messages of a kind go: how one becomes a request, and the way that takes."""

    kind: MessageKind
    request: Callable[[Message], Request] = field(repr=False)
    way: Way
    said: Callable[[Answer], str] = field(default=lambda _answer: "", repr=False)
    """What a receiver's answer says of a refusal and may be kept of it."""
    follows: bool = False
    """Whether a redirect within the scheme, host and port is followed; others end it at once."""


def outlets_of(settings: Settings, seconds: float = REQUEST_SECONDS) -> list[Outlet]:
    """Return the outlets that the settings open; ``seconds``: for a whole request."""
    redact = Redactor(lambda: secrets_of(settings))
    outlets = []
    if settings.alert_url is not None:
        way = Way(settings.repo_ca_file, settings.alert_proxy, whole=seconds)
        outlets.append(Outlet("alert", lambda message: _alert(settings, message, redact), way))
    if settings.commit_status is not None:
        way = Way(settings.repo_ca_file, settings.repo_proxy, whole=seconds)
        outlets.append(
            Outlet(
                "status",
                lambda message: _status(settings, message, redact),
                way,
                lambda answer: redact(said_by_api(answer)),
                follows=True,
            )
        )
    return outlets


class Senders:
    """The threads that send. They end with the process, or when they are told."""

    def __init__(self, store: Store, outlets: list[Outlet], uniform: Uniform) -> None:
        self._store = store
        self._stopping = threading.Event()
        senders = [Sender(store, one, uniform, self._stopping) for one in outlets]
        self._threads = [
            threading.Thread(target=one.run, name="sender", daemon=True) for one in senders
        ]

    def start(self) -> None:
        """Begin to send."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Send nothing more; wait a moment for what is under way."""
        self._stopping.set()
        self._store.database.wake()
        for thread in self._threads:
            thread.join(STOP_SECONDS / len(self._threads))


def send_due(settings: Settings, store: Store, uniform: Uniform) -> None:
    """Send what is due, for a process that ends: each outlet for some seconds at most."""
    for outlet in outlets_of(settings, LAST_SECONDS):
        sender = Sender(store, outlet, uniform, threading.Event())
        end = time.monotonic() + LAST_SECONDS
        with suppress(StoreError):
            while sender.send_one() and time.monotonic() < end:
                pass


class Sender:
    """Sends the messages of one outlet, one after the other."""

    def __init__(
        self, store: Store, outlet: Outlet, uniform: Uniform, stopping: threading.Event
    ) -> None:
        """``uniform(a, b)`` draws the randomness of pauses."""
        self._store = store
        self._outlet = outlet
        self._uniform = uniform
        self._stopping = stopping
        self._failing = False

    def run(self) -> None:
        """Send until it is told to stop."""
        while not self._stopping.is_set():
            try:
                if not self.send_one():
                    self._store.database.wait(LOOK_SECONDS)
            except StoreError as error:  # the sync worker says it aloud
                logger.debug("the outbox cannot be read: %s", error)
                self._stopping.wait(OUTAGE_SECONDS)
            except Exception:
                logger.exception("sending failed in a way that nobody thought of")
                self._stopping.wait(OUTAGE_SECONDS)

    def send_one(self) -> bool:
        """Send a message that is due, once; return False when none is."""
        message = self._store.claim_message(self._outlet.kind, LEASE)
        if message is None:
            return False
        try:
            answer = post(self._outlet, self._outlet.request(message))
        except PaodError as error:  # a secret's file may be missing, too
            self._failed(message, str(error), 0.0)
        else:
            failpoint("message_sent")
            self._answered(message, answer)
        return True

    def _answered(self, message: Message, answer: Answer) -> None:
        """The answer's body is not kept: it may repeat what nobody shall read."""
        said = self._outlet.said(answer)
        if answer.accepted:
            self._settle(message, "delivered")
            if self._failing:
                logger.info("%s messages are delivered again", message.kind)
            self._failing = False
        elif answer.status in FOR_GOOD or (self._outlet.follows and answer.redirects):
            self._settle(message, "refused", f"HTTP {answer.status}{said}")
            self._given_up(message, f"it was refused with HTTP {answer.status}{said}")
        else:
            moved = " (redirects are not followed)" if answer.redirects else ""
            told = f"the receiver answered HTTP {answer.status}{moved}{said}"
            self._failed(message, told, answer.rest)

    def _failed(self, message: Message, error: str, rest: float) -> None:
        if message.attempts >= MOST_ATTEMPTS:
            self._settle(message, "expired", error)
            self._given_up(message, error)
            return
        pause = max(rest, pause_after(message.attempts, self._uniform))
        self._store.retry_message(message, pause, error)
        level = logging.DEBUG if self._failing else logging.WARNING
        self._failing = True
        logger.log(
            level, "%s not delivered, tried again in %.0f s: %s", _name(message), pause, error
        )

    def _settle(self, message: Message, result: Result, error: str | None = None) -> None:
        """Write how a message ended, however long that takes: else it would be told again."""
        end = time.monotonic() + LEASE / 2
        while True:
            try:
                self._store.settle_message(message, result, error)
            except StoreUnavailable:
                if self._stopping.wait(1.0) or time.monotonic() > end:
                    raise
            else:
                return

    def _given_up(self, message: Message, error: str) -> None:
        logger.error("%s is given up: %s", _name(message), error)


def post(outlet: Outlet, request: Request) -> Answer:
    """Send a request the way of an outlet; raise ``RequestFailed`` where no answer comes."""
    url: str | None = request.url
    for _ in range(MOST_REDIRECTS + 1):
        assert url is not None
        answer = send("POST", url, outlet.way, request.headers, request.body)
        url = moved_to(url, answer) if outlet.follows else None
        if url is None:
            break
    return answer


def moved_to(url: str, answer: Answer) -> str | None:
    """Return where an answer redirects to within the same scheme, host and port, else None.

    A renamed repository's API answers so; the token goes nowhere else.
    """
    if answer.status not in (301, 302, 307, 308) or not answer.headers.get("location"):
        return None
    try:
        target = urljoin(url, answer.headers["location"])
    except ValueError:
        return None
    return target if origin(target) == origin(url) else None


def said_by_api(answer: Answer) -> str:
    """Return what a Git host's API says of a refusal, on one line, and what to do."""
    if answer.accepted:
        return ""
    try:
        found = json.loads(answer.body)
    except ValueError:
        found = None
    words = found.get("message") if isinstance(found, dict) else None
    said = f": {cut(ascii(' '.join(words.split())), MOST_SAID)}" if isinstance(words, str) else ""
    return said + _REMEDIES.get(300 if answer.redirects else answer.status, "")


def pause_after(attempts: int, uniform: Uniform) -> float:
    """Return the seconds until the next attempt, after so many."""
    ceiling = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(attempts - 1, 32))
    return uniform(ceiling / 2, ceiling)


def _name(message: Message) -> str:
    what = message.facts.get("alert") or message.facts.get("commit", "")
    return f"{message.kind} {message.id} ({what[:20]})"


def _alert(settings: Settings, message: Message, redact: Callable[[str], str]) -> Request:
    assert settings.alert_url is not None
    facts: Mapping[str, Any] = {
        "id": message.delivery_id,
        "time": message.queued_at,
        **redacted(message.facts, redact),
        "link": _link(settings),
    }
    secret = settings.alert_secret.value() if settings.alert_secret else None
    return alert_request(facts, settings.alert_url, settings.alert_format, secret)


def _status(settings: Settings, message: Message, redact: Callable[[str], str]) -> Request:
    assert settings.commit_status is not None
    repository = owner_and_name(settings.repo_url, settings.commit_status)
    assert repository is not None, "the settings were checked"
    facts = {**message.facts, "description": redact(message.facts["description"])}
    token = _status_token(settings)
    link = _link(settings, facts.get("code"))
    return github_request(facts, settings.commit_status, repository, token, link)


def _status_token(settings: Settings) -> str:
    """Read the token again: it may have been rotated. A GitHub App's is used where none is set."""
    token = settings.commit_status_token or settings.repo_token
    if token is not None:
        return token.value()
    tokens = tokens_of(settings)
    assert tokens is not None, "the settings were checked"
    return tokens.token()


def _link(settings: Settings, code: str | None = None) -> str | None:
    """Return the address that explains a code, else how paod is; None: it is not known."""
    if not settings.public_url:
        return None
    return f"{settings.public_url}{links.problem_code(code) if code else links.HEALTH}"
