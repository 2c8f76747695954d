"""Mirrors for tests: one opened here, one in a process of its own, and all that one holds."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from paod.mirror import Mirror, Remote
from tests.origin import Origin


def open_mirror(tmp_path: Path, url: str, **settings: object) -> Mirror:
    mirror = Mirror(tmp_path / "state" / "mirror", Remote(url, **settings), "catalog")
    mirror.open()
    return mirror


def mirror_of(origin: Origin, root: str = "catalog", **options: object) -> Mirror:
    mirror = Mirror(origin.path.parent / "state" / "mirror", Remote(origin.url), root, **options)
    mirror.open()
    return mirror


def changed(mirror: Mirror, old: str | None, new: str) -> dict[str, str | None]:
    """Return each changed path with its new content."""
    found = {}
    for change in mirror.changes(old, new):
        data = None if change.oid is None else mirror.read(change.oid, 1000)
        found[change.path] = data.decode() if isinstance(data, bytes) else None
    return found


def whole(mirror: Mirror, commit: str) -> dict[str, bytes | int]:
    """Return every file under the root as the mirror reads it."""
    return {c.path: mirror.read(c.oid or "", 10_000) for c in mirror.changes(None, commit)}


def fetching_child(tmp_path: Path, url: str, timeout: float = 60) -> subprocess.Popen[str]:
    """Open and fetch in a process of its own that tells its phases."""
    program = (
        "import sys; from pathlib import Path; from paod.mirror import Mirror, Remote\n"
        "told = lambda name, seconds: print(name, seconds, flush=True)\n"
        "remote = Remote(sys.argv[2], timeout=float(sys.argv[3]))\n"
        "mirror = Mirror(Path(sys.argv[1]), remote, 'catalog', on_phase=told)\n"
        "mirror.open(); print(mirror.fetch(), mirror.rebuilds, flush=True)\n"
    )
    folder = str(tmp_path / "state" / "mirror")
    command = [sys.executable, "-c", program, folder, url, str(timeout)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
