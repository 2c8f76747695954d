"""A preview in a few words: the ones that text and Markdown share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

SHORT = 12
"""Digits of a commit that people compare."""
ORDER = (
    *("added", "restored", "changed", "moved", "renamed", "removed"),
    *("stale", "fresh", "resolution"),
)
COUNTED = {"stale": "gone stale", "fresh": "fresh again", "resolution": "put together otherwise"}
CALLED = {
    "stale": "stale (its file is broken, the last good document stays)",
    "fresh": "fresh again (its file is mended)",
    "resolution": "put together otherwise",
}


def counts(found: Mapping[str, Any]) -> str:
    """Return ``2 added, 1 changed``, or that nothing would change."""
    numbers = found["counts"]
    said = [f"{numbers[name]} {COUNTED.get(name, name)}" for name in ORDER if name in numbers]
    return ", ".join(said) or "nothing would change"


def change_word(change: Mapping[str, Any]) -> str:
    """Return what becomes of a document, in words."""
    word = CALLED.get(change["change"], str(change["change"]))
    if change["change"] == "moved":
        return f"moved from {change['path_before']} to {change['path']}"
    return f"{word} from {change['renamed_from']}" if change["renamed_from"] else word


def version_span(change: Mapping[str, Any]) -> str:
    """Return ``1.0.0 → 1.1.0``, or the one version that there is."""
    before, after = change["version_before"], change["version"]
    return str(after) if before in (None, after) else f"{before} → {after}"


def subject(found: Mapping[str, Any]) -> str:
    """Return ``main (4f0c…) + feature/x (9a1b…)``, or a branch alone and from where to where."""
    branch, base, tip = found["branch"], short(found["from_commit"]), short(found["to_commit"])
    if found["sync_id"] is None and not tip:
        return f"{branch} ({base}) + the working tree" if branch else "the working tree"
    if found["merge_base"] is None:
        return f"{branch} ({base or 'nothing'} → {tip or 'nothing'})"
    return f"{branch} ({base}) + {found['ref']} ({tip})"


def short(commit: str | None) -> str:
    """Return the first digits of a commit."""
    return commit[:SHORT] if commit else ""


def has_new_errors(found: Mapping[str, Any]) -> bool:
    """Say whether a document would be bad that is good or not there now."""
    return any(problem["severity"] == "error" for problem in found["problems"]["new"])
