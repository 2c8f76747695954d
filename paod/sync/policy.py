"""Whether the settings let a plan be carried out."""

from __future__ import annotations

from paod.catalog.guard import refuse_errors, refuse_mass_removal
from paod.config import Settings
from paod.model import Plan, Stored


def check_policies(
    settings: Settings,
    before: Stored,
    planned: Plan,
    *,
    commit: str,
    leave: str,
    mend: str,
    removal_allowed: bool = False,
) -> None:
    """Raise ``Rejected`` or ``Blocked`` where the policies do not let a plan be carried out.

    ``leave`` tells how leave for a mass removal is given, ``removal_allowed`` that it was; ``mend``
    tells what to do about errors.
    """
    if settings.sync_policy == "strict":
        refuse_errors(planned, commit, mend)
    if not removal_allowed:
        percent = settings.max_removal_percent
        refuse_mass_removal(before, planned, percent, commit=commit, leave=leave)
