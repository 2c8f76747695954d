"""Leaves the test process's logging as it was."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def kept_logging() -> Iterator[None]:
    """Put handlers and levels back, whatever a test set up."""
    root, paod = logging.getLogger(), logging.getLogger("paod")
    handlers, levels, raising = root.handlers[:], (root.level, paod.level), logging.raiseExceptions
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        paod.setLevel(levels[1])
        logging.raiseExceptions = raising
