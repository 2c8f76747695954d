"""How a sync ended, in words: one line, then what changed, then what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from paod.cli.output import print_line, print_table
from paod.model import NO_DOCUMENTS
from paod.preview.words import SHORT

STYLES = {"completed": "green", "failed": "bold red", "blocked": "yellow", "rejected": "yellow"}


def print_outcome(row: Mapping[str, Any]) -> None:
    """Print a sync's row for people."""
    print_line(summary(row), STYLES.get(row["status"]))
    changes = row.get("changes") or ()
    if changes:
        print_table(
            ("change", "kind", "name", "version"),
            [(one["change"], one["kind"], one["name"], one["version"]) for one in changes],
        )
    if row.get("pin") == "set" and not row["dry_run"]:
        print_line("pushes move nothing now, until `paod resume`")
    if row.get("problems"):
        print_line(f"{counted(row['problems'], 'problem')} open: see `paod problems`")


def summary(row: Mapping[str, Any]) -> str:
    """Return a sync in one line: its state, its commits, what it counted."""
    reason = "" if row["status"] == "completed" else f" ({row['reason']})"
    words = [f"sync {row['sync_id']} {row['status']}{reason}:"]
    if row["status"] == "completed" and row["reason"] == "Succeeded":
        words.append("would change" if row["dry_run"] else "changed")
        words.append(changed(row))
        words.append(span(row.get("from_commit"), row.get("to_commit")))
        words.append(row["message"] if row["message"].startswith(NO_DOCUMENTS) else "")
    else:
        words.append(row["message"] or row["reason"])
    return " ".join(word for word in words if word)


def changed(row: Mapping[str, Any]) -> str:
    """Return ``items +1 ~2 -0, bundles +0 ~0 -1``, or ``nothing that readers see``."""
    parts = []
    for kind in ("items", "bundles"):
        counts = [row.get(f"{kind}_{change}") or 0 for change in ("added", "updated", "removed")]
        if any(counts):
            parts.append(f"{kind} +{counts[0]} ~{counts[1]} -{counts[2]}")
    return ", ".join(parts) or "nothing that readers see"


def span(before: str | None, after: str | None) -> str:
    """Return ``(4f0c…→9a1b…)`` for two commits, either of which may be missing."""
    return f"({short(before)} → {short(after)})"


def short(commit: str | None) -> str:
    """Return the first digits of a commit."""
    return commit[:SHORT] if commit else "nothing"


def since(moment: str | None, now: datetime) -> str | None:
    """Return ``2026-01-01T00:00:00.000Z (3 hours ago)``, None for no moment."""
    if moment is None:
        return None
    seconds = (now - datetime.fromisoformat(moment)).total_seconds()
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * length:
            return f"{moment} ({counted(int(seconds // length), unit)} ago)"
    return moment if seconds < 0 else f"{moment} ({counted(int(seconds), 'second')} ago)"


def counted(number: int, what: str) -> str:
    """Return ``1 problem``, ``2 problems``."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
