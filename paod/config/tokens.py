"""Tokens: how they are made, hashed and first handed out. Comparing them belongs to the API."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from paod.config.secret import Secret
from paod.config.settings import Settings

DIGEST_PREFIX = "sha256:"
TOKEN_PREFIX = "paod_"  # noqa: S105 (marks tokens for secret scanners)

logger = logging.getLogger("paod.config")


def new_token(random: Callable[[int], bytes] = secrets.token_bytes) -> str:
    """Make a token of 256 random bits, in a form that secret scanners can find."""
    return TOKEN_PREFIX + random(32).hex()


def digest_of(token: str) -> str:
    """Return what may stand in the settings in place of a token: ``sha256:<hex>``."""
    return DIGEST_PREFIX + hashlib.sha256(token.encode()).hexdigest()


def bad_digest(value: str) -> bool:
    """Return whether a value says that it is a token's hash, and is none."""
    return value.startswith(DIGEST_PREFIX) and not re.fullmatch(
        r"[0-9a-fA-F]{64}", value.removeprefix(DIGEST_PREFIX)
    )


def with_admin_token(settings: Settings) -> Settings:
    """Return settings that have an admin token: the one set, else that of the state folder.

    The first start makes it there and logs where it lies. The state folder must exist.
    """
    if settings.admin_token is not None:
        return settings
    path = settings.admin_token_file
    if not path.exists() and write_first_token(path):
        logger.info("no admin token is set: made one%s, it lies in %s", _whose(settings), path)
    return dataclasses.replace(settings, admin_token=Secret("PAO_ADMIN_TOKEN", path, several=True))


def _whose(settings: Settings) -> str:
    return "" if settings.db_file is not None else " that is good on this machine alone"


def write_first_token(path: Path) -> bool:
    """Write a new token to ``path`` (mode 0600) unless one lies there; say whether it did.

    Several processes may do so at once: one wins, and nobody ever reads half a token.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(new_token() + "\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True
