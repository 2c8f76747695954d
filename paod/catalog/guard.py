"""When a plan is not carried out: errors under the strict policy, and the mass-removal guard."""

from __future__ import annotations

from paod.errors import Blocked, Rejected
from paod.model import WORKING_TREE, Plan, Stored

LEAST_REMOVED = 5
"""Fewer removals never trip the guard by their share."""
LEAST_LEFT_EMPTY = 3
"""A catalog of fewer documents may be emptied."""


LISTED = "mend the files that `paod problems` lists, and push again"


def refuse_errors(plan: Plan, commit: str, mend: str = LISTED) -> None:
    """Raise ``Rejected`` when the tree has any error: the strict policy takes all or nothing.

    ``mend`` tells what to do about them.
    """
    if plan.after.errors:
        raise Rejected(
            f"{_called(commit)} has {plan.after.errors} error(s), and the policy is strict",
            mend,
        )


def refuse_mass_removal(
    stored: Stored, plan: Plan, percent: float, *, commit: str, leave: str
) -> None:
    """Raise ``Blocked`` when a plan removes more than ``percent`` of the documents, or the last.

    A few removals are always allowed: ``LEAST_REMOVED`` and ``LEAST_LEFT_EMPTY`` say how few.
    ``leave`` is the command that gives leave for this commit.
    """
    removed = plan.items.removed + plan.bundles.removed
    if percent >= 100 or removed < LEAST_LEFT_EMPTY:
        return
    active = sum(identity.active for identity in stored.identities.values())
    left = sum(identity.active for identity in plan.after.identities.values())
    share = removed >= LEAST_REMOVED and removed * 100 > percent * active
    if share or (left == 0 and active >= LEAST_LEFT_EMPTY):
        raise Blocked(
            f"{_called(commit)} would remove {removed} of {active} documents",
            f"if that is meant: {leave}; else push a commit that brings them back",
        )


def _called(commit: str) -> str:
    return "the working tree" if commit == WORKING_TREE else f"commit {commit[:12]}"
