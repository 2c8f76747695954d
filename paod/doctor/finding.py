"""What the doctor says of one thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

State = Literal["good", "warning", "bad", "skipped"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and, unless it is good, what to do."""

    check: str
    state: State
    message: str
    hint: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the finding for machines."""
        return {
            "check": self.check,
            "state": self.state,
            "message": self.message,
            "hint": self.hint,
        }


def good(check: str, message: str) -> Finding:
    """Return a finding that asks for nothing."""
    return Finding(check, "good", message)


def warning(check: str, message: str, hint: str) -> Finding:
    """Return a finding that paod works with, and that somebody should look at."""
    return Finding(check, "warning", message, hint)


def bad(check: str, message: str, hint: str) -> Finding:
    """Return a finding that paod does not work with."""
    return Finding(check, "bad", message, hint)


def skipped(check: str, why: str) -> Finding:
    """Return that a check could not be made."""
    return Finding(check, "skipped", f"not looked at: {why}")
