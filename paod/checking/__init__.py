"""CHECK: the same verdict as a sync gives, on files that are being edited.

Composes what the sync composes (``validate``, the fold) over a checkout instead of the mirror, and
needs no settings, no daemon and no database. Prints nothing.
"""

from paod.checking.across import folded, problems_across
from paod.checking.files import (
    Task,
    documents,
    examine_all,
    examine_entry,
    examine_text,
    path_of,
)

__all__ = [
    "Task",
    "documents",
    "examine_all",
    "examine_entry",
    "examine_text",
    "folded",
    "path_of",
    "problems_across",
]
