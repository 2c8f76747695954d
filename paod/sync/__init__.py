"""One sync: from a request to a catalog that readers can see, or to a reason why not.

It knows the mirror, the validator, the fold and the store; it never knows who asked, and it
decides nothing that the pure core could decide.
"""

from paod.sync.job import Workshop
from paod.sync.moved import moved_to
from paod.sync.opening import open_annex, open_mirror, remote_of
from paod.sync.run import run
from paod.sync.settled import Memory, rules_of
from paod.sync.verdicts import Verdicts

__all__ = [
    "Memory",
    "Verdicts",
    "Workshop",
    "moved_to",
    "open_annex",
    "open_mirror",
    "remote_of",
    "rules_of",
    "run",
]
