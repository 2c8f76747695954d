"""A folder that is being edited: read as the mirror reads a commit, and watched while it changes.

For checking files before they are committed. It reads only regular files and follows no link, so
what it says of a checkout is what a sync would say of the same files once they are committed. The
only room that imports watchdog (``stirring``, which is not imported from here: most that read need
no watching).
"""

from paod.worktree.left_out import LeftOut
from paod.worktree.looking import Looking
from paod.worktree.reading import (
    WorkEntry,
    WorkFile,
    blob_oid,
    entries,
    files,
    find_checkout,
    read,
)

__all__ = [
    "LeftOut",
    "Looking",
    "WorkEntry",
    "WorkFile",
    "blob_oid",
    "entries",
    "files",
    "find_checkout",
    "read",
]
