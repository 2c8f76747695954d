"""A bound for what a library keeps in memory of what a stranger sends, where it has none itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def room_for(most: int) -> Iterator[None]:
    """Let this process map at most ``most`` bytes more than now, until the block ends.

    Beyond that Python raises MemoryError, and libgit2 an error of its own. Nothing is bounded where
    there is no /proc.
    """
    import resource  # not on Windows, where an author's commands import this module

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    mapped = _mapped_pages() * resource.getpagesize()
    wanted = mapped + most
    if not mapped or (soft != resource.RLIM_INFINITY and soft <= wanted):
        yield
        return
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def _mapped_pages() -> int:
    try:
        return int(Path("/proc/self/statm").read_text("ascii").split()[0])
    except OSError:
        return 0
