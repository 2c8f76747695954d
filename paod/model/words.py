"""The few words that the values are written in."""

from __future__ import annotations

from typing import Literal

Kind = Literal["item", "bundle"]
Key = tuple[Kind, str]
"""Names one thing in the catalog. A name is held by one file, but an item and a bundle that had the
same name one after the other have a history each."""

Severity = Literal["error", "warning"]
VersionPolicy = Literal["warn", "enforce"]
Trigger = Literal["startup", "schedule", "webhook", "manual", "rollback", "watch"]
ChangeKind = Literal["added", "changed", "moved", "renamed", "removed", "restored"]
NetChange = Literal[ChangeKind, "stale", "fresh", "resolution"]
"""What a whole sync did to an entry, as readers see it: its history, its file, its parts."""
EntryType = Literal["file", "symlink", "submodule"]
