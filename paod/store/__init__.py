"""The domain's verbs over the database, and the only SQL.

Each part is a class over ``Base`` in a module named for it; ``Store`` is all of them. SQL is
written once, in the subset that SQLite and PostgreSQL share, with ``:name`` parameters. What reads
for the API returns its shapes, without addresses.
"""

from paod.store.base import Outlets, Source, stamp
from paod.store.copy import Copied, Copy
from paod.store.deliveries import Delivery, Received
from paod.store.entries import EntryFilters, Found, Lookup, Removed, Renamed
from paod.store.figures import Census, Figures
from paod.store.findings import ProblemFilters
from paod.store.outbox import Message, MessageKind, Result
from paod.store.page import Page, PageKey
from paod.store.store import Store
from paod.store.syncs import CommitState

__all__ = [
    "Census",
    "CommitState",
    "Copied",
    "Copy",
    "Delivery",
    "EntryFilters",
    "Figures",
    "Found",
    "Lookup",
    "Message",
    "MessageKind",
    "Outlets",
    "Page",
    "PageKey",
    "ProblemFilters",
    "Received",
    "Removed",
    "Renamed",
    "Result",
    "Source",
    "Store",
    "stamp",
]
