"""The ten incidents, and how one of them is played in a folder of its own."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.incidents import machine, remote
from tests.incidents.incident import Incident
from tests.incidents.site import Moment, is_root, site_in

INCIDENTS = (
    Incident("token-revoked", remote.token_revoked, quick=True),
    Incident("branch-renamed", remote.branch_renamed),
    Incident("mass-removal", remote.mass_removal),
    Incident("bad-merge", remote.bad_merge),
    Incident("full-disk", machine.full_disk, disk=160),
    Incident("mirror-deleted", machine.mirror_deleted, quick=True),
    Incident("database-restored", machine.database_restored, quick=True),
    Incident("secret-rotated", machine.secret_rotated),
    Incident("remote-down", remote.remote_down),
    Incident("worker-killed", machine.worker_killed),
)


class CannotBePlayed(Exception):
    """This machine lacks what an incident needs."""


def play(incident: Incident, moments: list[Moment]) -> None:
    """Play an incident; ``moments`` gets what was seen. Raises AssertionError at what is wrong."""
    with tempfile.TemporaryDirectory(prefix="paod-incident-") as name:
        folder = Path(name)
        with _disk(folder / "state", incident.disk), site_in(folder) as site:
            site.moments = moments
            incident.play(site)


@contextlib.contextmanager
def _disk(folder: Path, mebibytes: int | None) -> Iterator[None]:
    """Mount a small disk at a folder, for who asks for one."""
    if mebibytes is None:
        yield
        return
    folder.mkdir(mode=0o700)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={mebibytes}m,mode=700", "tmpfs", str(folder)]
    if not is_root() or subprocess.run(mount, check=False).returncode != 0:
        raise CannotBePlayed("mounting a small disk needs root")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
