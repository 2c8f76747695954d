"""The mirror: paod's local bare copy of the repository, and every question asked of Git.

The only room that imports pygit2. It never checks anything out: no name from a repository is ever
used as a name on disk. One process uses a mirror at a time, from one thread; whoever holds the sync
lock may open it. What the remote says is believed only where it was checked: a fetched branch is
what the remote advertised, an unreadable object is ``MirrorBroken`` and never an empty tree.
"""

from paod.mirror.checkout import Checkout
from paod.mirror.history import Line
from paod.mirror.local import Mirror, OnPhase
from paod.mirror.remote import Credentials, Remote
from paod.mirror.source import Source
from paod.mirror.transport import known_host_of, remote_tip
from paod.mirror.trees import Limits

__all__ = [
    "Checkout",
    "Credentials",
    "Limits",
    "Line",
    "Mirror",
    "OnPhase",
    "Remote",
    "Source",
    "known_host_of",
    "remote_tip",
]
