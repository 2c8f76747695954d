"""Programs that tests need besides Python, git and what each Debian has.

A test whose program is not there is skipped, which in CI is a failure; elsewhere one line at the
end says what was not tried, and what installs it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import pytest

PACKAGES: Final = {
    "postgres": "postgresql",
    "initdb": "postgresql",
    "pg_basebackup": "postgresql",
    "pgbouncer": "pgbouncer",
    "promtool": "prometheus",
    "nginx": "nginx-light",
    "caddy": "caddy",
    "systemd-analyze": "systemd",
    "systemd-socket-activate": "systemd",
    "ssh-keygen": "openssh-client",
    "openssl": "openssl",
    "curl": "curl",
    "ps": "procps",
}
"""Each program with the package of Debian's that brings it."""
FOLDERS: Final = ("/usr/sbin", "/sbin")
"""Where Debian puts programs that are not in everybody's ``PATH``."""
POSTGRES: Final = ("/usr/lib/postgresql", "/usr/local/lib/postgresql")
_REASON: Final = "needs the program "


def found(name: str) -> str | None:
    """Return a program's path; None where it is not installed."""
    path = os.pathsep.join((os.environ.get("PATH", ""), *FOLDERS))
    beside = [one for folder in POSTGRES for one in sorted(Path(folder).glob(f"*/bin/{name}"))]
    return shutil.which(name, path=path) or (str(beside[-1]) if beside else None)


def program(name: str) -> str:
    """Return a program's path; skip the test that asks where it is not installed."""
    path = found(name)
    if path is None:
        pytest.skip(_REASON + name)
    return path


def needs(*names: str) -> pytest.MarkDecorator:
    """Return a mark that skips a test where one of these programs is not installed."""
    missing = [name for name in names if found(name) is None]
    return pytest.mark.skipif(bool(missing), reason=_REASON + ", ".join(missing))


def not_tried(reasons: Iterable[str]) -> str | None:
    """Return the line that says what skipped tests would have needed; None: nothing."""
    names = [
        name
        for reason in reasons
        if (at := reason.find(_REASON)) >= 0
        for name in reason[at + len(_REASON) :].split(", ")
    ]
    if not names:
        return None
    missing = sorted(set(names), key=names.index)
    packages = " ".join(sorted({PACKAGES.get(name, name) for name in missing}))
    tests = f"{len(names)} test" + "s" * (len(names) > 1)
    return (
        f"{tests} not tried, for want of {', '.join(missing)}: "
        f"apt-get install -y --no-install-recommends {packages}"
    )
