"""The values that flow through paod, all frozen: made once, read by everyone, changed by no one.

They flow in this order: a ``Commit`` with its ``TreeChange``s is read from the mirror; each changed
file is examined into an ``ExaminedFile``; both make a ``Step``; folding steps gives a ``Catalog``
and its ``Revision``s; comparing that with what is stored gives a ``Plan``; applying it ends a sync.
"""

from paod.model.basis import other_rules, other_source, who_applied
from paod.model.catalog import (
    WORKING_TREE,
    Catalog,
    Commit,
    Entry,
    FileState,
    Folded,
    Revision,
    Step,
)
from paod.model.document import (
    Document,
    ExaminedFile,
    Place,
    Problem,
    Reference,
    TreeChange,
    path_text,
)
from paod.model.plan import (
    CatalogChange,
    Counts,
    Identity,
    Plan,
    PlannedEntry,
    PlannedRevision,
    Resolved,
    Served,
    Stored,
)
from paod.model.sync import (
    NO_DOCUMENTS,
    ClaimedSync,
    Edition,
    Head,
    Pin,
    SyncRequest,
    SyncResult,
    SyncStatus,
    WentBack,
    preview_request,
)
from paod.model.words import (
    ChangeKind,
    EntryType,
    Key,
    Kind,
    NetChange,
    Severity,
    Trigger,
    VersionPolicy,
)

__all__ = [
    "NO_DOCUMENTS",
    "WORKING_TREE",
    "Catalog",
    "CatalogChange",
    "ChangeKind",
    "ClaimedSync",
    "Commit",
    "Counts",
    "Document",
    "Edition",
    "Entry",
    "EntryType",
    "ExaminedFile",
    "FileState",
    "Folded",
    "Head",
    "Identity",
    "Key",
    "Kind",
    "NetChange",
    "Pin",
    "Place",
    "Plan",
    "PlannedEntry",
    "PlannedRevision",
    "Problem",
    "Reference",
    "Resolved",
    "Revision",
    "Served",
    "Severity",
    "Step",
    "Stored",
    "SyncRequest",
    "SyncResult",
    "SyncStatus",
    "TreeChange",
    "Trigger",
    "VersionPolicy",
    "WentBack",
    "other_rules",
    "other_source",
    "path_text",
    "preview_request",
    "who_applied",
]
