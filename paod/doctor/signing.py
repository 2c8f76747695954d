"""Signatures: whether the signers' file can be used, and whether ssh-keygen verifies here."""

from __future__ import annotations

from paod.config import Settings
from paod.doctor.finding import Finding, bad, good
from paod.errors import PaodError
from paod.signers import Signers


def signatures(settings: Settings) -> Finding:
    """Have the verifier look at a signature that is known to be good, where commits need one."""
    if settings.allowed_signers is None:
        return good("signatures", "commits need none (PAO_ALLOWED_SIGNERS)")
    try:
        Signers(settings.allowed_signers).check()
    except PaodError as error:
        hint = error.hint or "see PAO_ALLOWED_SIGNERS in docs/operations.md"
        return bad("signatures", str(error), hint)
    return good(
        "signatures", f"ssh-keygen verifies, and takes the keys of {settings.allowed_signers}"
    )
