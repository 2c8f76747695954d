"""Catalog reads, answered from prepared bytes: made once a generation, then only looked up.

The head's row says which state is served, so a repeated read costs that row and nothing else, and
an unchanged one not even its bytes on the wire. A number alone may be given out twice, so answers
are kept by the state's random id as well.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Final

import falcon
import orjson

from paod.api.errors import Refusal
from paod.api.told import Told
from paod.api.waiting import Waiting
from paod.model import Edition, Head
from paod.store import Store

MOST_BYTES: Final = 64 * 1024 * 1024
OVERHEAD_BYTES: Final = 1024
"""What an entry of the cache costs beside its body, roughly."""
CATCH_UP_SECONDS: Final = 5.0
"""For which an answer waits for a generation that is not there yet."""
CATCH_UP_RETRY: Final = 1
REVALIDATE: Final = "private, no-cache"
"""Anyone who may read may keep a copy, and asks each time whether it is still good."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """An answer's body and its strong ETag."""

    body: bytes
    etag: str


def prepare(value: Any) -> Prepared:
    """Make the bytes of a JSON value, and their ETag."""
    body = orjson.dumps(value)
    return Prepared(body, f'"{hashlib.sha256(body).hexdigest()[:32]}"')


class Cache:
    """Prepared answers of one generation, bounded in bytes; the oldest give way."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._generation: Hashable = None
        self._answers: dict[Hashable, Prepared] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def get(self, generation: Hashable, key: Hashable) -> Prepared | None:
        """Return what was prepared for a key in this generation."""
        return self._answers.get((generation, key))

    def put(self, generation: Hashable, key: Hashable, answer: Prepared) -> None:
        """Keep an answer; those of another generation are let go."""
        with self._lock:
            if generation != self._generation:
                self._answers.clear()
                self._generation, self._bytes = generation, 0
            if (generation, key) not in self._answers:
                self._answers[generation, key] = answer
                self._bytes += _cost(answer)
            while self._bytes > self._most_bytes:
                self._bytes -= _cost(self._answers.pop(next(iter(self._answers))))


def _cost(answer: Prepared) -> int:
    return len(answer.body) + OVERHEAD_BYTES


class Reads:
    """Answers the requests that read the catalog."""

    def __init__(self, store: Store, cache: Cache, waiting: Waiting, told: Told) -> None:
        self._store = store
        self._told = told
        self._cache = cache
        self._waiting = waiting

    def catch_up(self, req: falcon.Request) -> None:
        """Wait a few seconds for the generation that a request asks for at least.

        A client that knows of a generation from elsewhere reads nothing older with it. Raises a
        refusal to be tried again when it does not come.
        """
        wanted = req.context.query.pop("min_generation", None)
        if wanted is None:
            return
        if self._waiting.until(lambda: self._has(wanted), CATCH_UP_SECONDS) is None:
            detail = f"the catalog has not come to generation {wanted} yet"
            raise Refusal("not-yet", detail, {"Retry-After": str(CATCH_UP_RETRY)})

    def _has(self, generation: int) -> bool | None:
        return self._store.served().generation >= generation or None

    def answer(
        self, req: falcon.Request, resp: falcon.Response, make: Callable[[Head], Any]
    ) -> None:
        """Answer a request with what ``make`` returns, made once a generation."""
        self.catch_up(req)
        edition = self._told.follow(self._store.served())
        key = (req.path, tuple(req.context.query.values()))
        prepared = self._cache.get(edition, key)
        if prepared is None:
            edition, prepared = self._prepared(make)
            if self._told.follow(edition) != edition:  # the database went back just now
                edition, prepared = self._prepared(make)
            self._cache.put(edition, key, prepared)
        send(req, resp, prepared)

    def _prepared(self, make: Callable[[Head], Any]) -> tuple[Edition, Prepared]:
        """Make an answer of one state of the catalog."""
        with self._store.database.snapshot():
            head = self._store.head()
            return head.edition, prepare(make(head))


def send(req: falcon.Request, resp: falcon.Response, prepared: Prepared) -> None:
    """Send a body with its ETag, or 304 to whoever has it already."""
    resp.set_header("ETag", prepared.etag)
    resp.set_header("Cache-Control", REVALIDATE)
    if _has_it(req.get_header("If-None-Match"), prepared.etag):
        resp.status = falcon.HTTP_304
        return
    resp.data = prepared.body


def _has_it(header: str | None, etag: str) -> bool:
    if header is None:
        return False
    if header in (etag, "*"):
        return True
    return etag in [tag.strip().removeprefix("W/") for tag in header.split(",")]
