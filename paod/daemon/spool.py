"""What arrives before it is answered: kept in files, and bounded over all connections together.

waitress keeps what is small in memory and the rest in temporary files, and bounds each body alone.
"""

from __future__ import annotations

from typing import Any, Final

from waitress.parser import HTTPRequestParser
from waitress.utilities import Error, RequestEntityTooLarge

from paod.daemon.lanes import WEBHOOKS, lane_of

MEMORY_BYTES: Final = 64 * 1024
"""Of a body that are kept in memory; a larger one lies in a file."""
SPOOL_BYTES: Final = 128 * 1024 * 1024
"""Of all bodies that lie in files: what comes beyond them is told to come again."""
OTHER_BYTES: Final = 1024 * 1024
"""Of a body that is no delivery: the API takes no larger one, but for documents."""
_STEP: Final = 256 * 1024
"""After so many bytes of a body the spool is counted again."""


class Full(Error):  # type: ignore[misc]
    """Too much is arriving at once."""

    code = 503
    reason = "Service Unavailable"

    def __init__(self) -> None:
        super().__init__("too many large bodies are arriving at once: come again in some seconds")


class Spool:
    """The bodies that lie in files, over all connections. ``used`` counts them when it is asked."""

    def __init__(self, most: int, other: int) -> None:
        """``most``: bytes of all; ``other``: bytes that a body may have that is no delivery."""
        self.most = most
        self.other = other
        self._parsers: dict[int, Parser] = {}

    def used(self) -> int:
        """Return how many bytes lie in files now."""
        return sum(parser.body_bytes_received for parser in list(self._parsers.values()))

    def enter(self, parser: Parser) -> bool:
        """Count a body from now on; return whether there is room for it."""
        self._parsers[id(parser)] = parser
        return self.used() <= self.most

    def leave(self, parser: Parser) -> None:
        """Count a body no more: it was answered, or its connection is gone."""
        self._parsers.pop(id(parser), None)


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """Receives a request, as long as there is room for its body."""

    def __init__(self, adj: Any, spool: Spool) -> None:
        super().__init__(adj)
        self._spool = spool
        self._counted = 0

    def received(self, data: bytes) -> int:
        """Take bytes; return how many were this request's."""
        consumed = int(super().received(data))
        if self.error is None and self.headers_finished:
            self._check()
        return consumed

    def _check(self) -> None:
        size = max(self.content_length, self.body_bytes_received)
        most = self._spool.other
        if size > most and lane_of(self.path) != WEBHOOKS:
            self._refuse(RequestEntityTooLarge(f"exceeds max_body of {most}"))
        elif self.body_bytes_received - self._counted >= _STEP or (
            not self._counted and self.body_bytes_received > MEMORY_BYTES
        ):
            self._counted = self.body_bytes_received
            if not self._spool.enter(self):
                self._refuse(Full())

    def _refuse(self, error: Error) -> None:
        """Answer with an error, and let go of what has come."""
        self.error, self.completed = error, True
        self.close()

    def close(self) -> None:
        """Let go of the body."""
        self._spool.leave(self)
        super().close()
