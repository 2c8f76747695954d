"""The files in which the daemon's processes count, each its own; who is scraped reads them all.

A file belongs to a place and not to a process: whoever is started in place of a dead worker goes on
counting in its file, so that a worker that dies each minute leaves no pile of files behind.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from prometheus_client import values

TYPES: Final = ("counter", "histogram")
FILE_BYTES: Final = 1024 * 1024
"""More than all routes, methods and statuses take (a test). It is written out at once: a page of a
file that gets its place on the disk later, when the disk is full, kills who writes to it."""


@dataclass(frozen=True, slots=True)
class Shared:
    """A process's place among those that count together. A ``name`` has no underscore."""

    folder: Path
    name: str

    def enter(self) -> None:
        """Let what this process counts from here on go into its files."""
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(self.folder)
        values.ValueClass = values.MultiProcessValue(lambda: self.name)  # type: ignore[no-untyped-call]


def prepare(folder: Path, names: Iterable[str]) -> None:
    """Make an empty file for each place and type, in place of what a former daemon left there.

    To be called before any of the processes is there. Raises ``OSError``.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    for file in folder.glob("*.db"):
        file.unlink()
    for name in names:
        for kind in TYPES:
            (folder / f"{kind}_{name}.db").write_bytes(bytes(FILE_BYTES))
