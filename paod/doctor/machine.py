"""The machine: its clock, its disk, its SQLite, and what the database's folder lies on."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from paod.config import Settings
from paod.database import sqlite_version
from paod.doctor.finding import Finding, bad, good, skipped, warning

LEAST_FREE: Final = 100 * 2**20
LITTLE_FREE: Final = 2**30
SAFE_SQLITE: Final = (3, 51, 3)
SAFE_SERIES: Final = {(3, 44): 6, (3, 50): 7}
"""Older series of SQLite that got the mend as well, from this patch on."""
AHEAD: Final = timedelta(minutes=2)
NETWORKED: Final = frozenset(
    {
        *("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs", "lustre"),
        *("beegfs", "ocfs2", "gfs2", "fuse.sshfs", "fuse.glusterfs", "fuse.s3fs", "fuse.rclone"),
    }
)
MOUNTS: Final = Path("/proc/self/mountinfo")
_TIME_ERROR: Final = 5


def clock(newest: str | None, server: datetime | None, now: datetime) -> Finding:
    """Hold the clock against the database server's, and against the kernel's word.

    Against the newest time in the database where that is a file.
    """
    if server is not None and abs(server - now) > AHEAD:
        return bad(
            "clock",
            f"it shows {now:%Y-%m-%d %H:%M}, and the database server's {server:%Y-%m-%d %H:%M}",
            "set the one that is wrong: what is shared goes by the server's, certificates by this",
        )
    if server is None and newest is not None and datetime.fromisoformat(newest) > now + AHEAD:
        return bad(
            "clock",
            f"it shows {now:%Y-%m-%d %H:%M}, and the database was written at {newest}",
            "set the clock; certificates and what is called stale depend on it",
        )
    doubts = _kernel_doubts()
    if doubts is None:
        return skipped("clock", f"{now:%Y-%m-%d %H:%M} UTC; this system does not say who keeps it")
    if doubts:
        hint = "run a time service: timedatectl set-ntp true"
        return warning("clock", f"{now:%Y-%m-%d %H:%M} UTC, not synchronised", hint)
    return good("clock", f"{now:%Y-%m-%d %H:%M} UTC, synchronised")


def _kernel_doubts() -> bool | None:
    """Return whether the kernel says that no time service keeps its clock; None: it says nothing.

    In a container or behind a filter of system calls it may not be asked.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if not hasattr(libc, "adjtimex"):
        return None
    state = libc.adjtimex(ctypes.create_string_buffer(512))
    return None if state < 0 else bool(state == _TIME_ERROR)


def disk(settings: Settings) -> Iterator[Finding]:
    """Tell how much room there is for the mirror and for the database."""
    folders = {_existing(settings.state_dir)}
    if settings.db_file is not None:
        folders.add(_existing(settings.db_file.parent))
    seen: set[int] = set()
    for folder in sorted(folders):
        device = folder.stat().st_dev
        if device not in seen:
            seen.add(device)
            yield _room(folder, settings.db_file)


def _room(folder: Path, database: Path | None) -> Finding:
    found = os.statvfs(folder)
    free = found.f_bavail * found.f_frsize
    size = database.stat().st_size if database is not None and database.exists() else 0
    told = f"{free / 2**30:.1f} GiB free on {folder}"
    hint = "make room: syncs fail whole on a full disk, and reading goes on"
    if free < LEAST_FREE or (found.f_files and not found.f_favail):
        return bad(
            "disk", told if found.f_favail or not found.f_files else f"no inodes, {told}", hint
        )
    if free < max(LITTLE_FREE, 2 * size):
        return warning("disk", told, hint)
    return good("disk", told)


def _existing(folder: Path) -> Path:
    """Return a folder, or the nearest above it that is there."""
    folder = folder.absolute()
    return next(one for one in (folder, *folder.parents) if one.exists())


def sqlite(settings: Settings) -> Finding:
    """Judge the SQLite that is used."""
    if settings.db_file is None:
        return skipped("sqlite", "the database is PostgreSQL")
    version = sqlite_version()
    told = ".".join(map(str, version))
    if is_safe(version):
        return good("sqlite", told)
    return warning(
        "sqlite",
        f"{told}: before 3.51.3 two connections that write at once may lose pages, rarely",
        "install pysqlite3 beside paod (pip install pysqlite3-binary), which brings a newer one",
    )


def is_safe(version: tuple[int, int, int]) -> bool:
    """Whether a SQLite has the mend for its log's reset."""
    patch = SAFE_SERIES.get(version[:2])
    return version >= SAFE_SQLITE or (patch is not None and version[2] >= patch)


def file_system(settings: Settings) -> Finding:
    """Tell what the database lies on: SQLite's log and locks do not work over a network."""
    if settings.db_file is None:
        return skipped("file system", "the database is PostgreSQL")
    folder = _existing(settings.db_file.parent)
    kind = kind_of(folder.resolve(), MOUNTS.read_text(encoding="utf-8", errors="replace"))
    if kind in NETWORKED:
        hint = "keep the database on a disk of this machine (PAO_STATE_DIR, PAO_DB_URL)"
        return bad("file system", f"{folder} lies on a network file system ({kind})", hint)
    return good("file system", f"{folder} lies on {kind or 'an unknown file system'}")


def kind_of(folder: Path, mounts: str) -> str | None:
    """Return the type of the file system that holds a folder, by ``/proc/self/mountinfo``."""
    best: tuple[int, str | None] = (-1, None)
    for line in mounts.splitlines():
        words = line.split(" ")
        if "-" not in words[6:]:
            continue
        place = Path(words[4].replace("\\040", " "))
        depth = len(place.parts)
        if folder.is_relative_to(place) and depth >= best[0]:
            best = depth, words[words.index("-", 6) + 1]
    return best[1]
