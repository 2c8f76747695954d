"""Work as a user who may not do everything, also where the tests run as root."""

from __future__ import annotations

import os
import shutil
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

NOBODY = 65534


def without_root(work: Callable[[Path], None]) -> None:
    """Do some work in a folder of one's own; root does it in a child that has become nobody."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    try:
        if os.geteuid() != 0:
            work(folder)
            return
        os.chown(folder, NOBODY, NOBODY)
        child = os.fork()
        if not child:
            os._exit(_as_nobody(work, folder))
        assert os.waitpid(child, 0)[1] == 0
    finally:
        for path in folder.rglob("*"):
            path.chmod(0o700)
        shutil.rmtree(folder)


def _as_nobody(work: Callable[[Path], None], folder: Path) -> int:
    try:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        work(folder)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0
