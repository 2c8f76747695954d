"""Secrets: long enough, of the right sort, and in files that nobody else can read."""

from __future__ import annotations

import base64
import binascii
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Final

from paod.config import Secret, Settings
from paod.daemon import everybodys
from paod.doctor.finding import Finding, bad, good, warning
from paod.errors import SettingsError
from paod.permissions import writable_by_all

CREDENTIALS: Final = "/run/credentials"
CLASSIC: Final = "ghp_"


def lengths(settings: Settings) -> Iterator[Finding]:
    """Judge the secrets by their values, none of which is shown; short ones are no settings."""
    found = list(_faults(settings))
    names = [secret.name for secret in _secrets(settings)]
    yield from found or [
        good("secrets", f"{', '.join(names)}: long enough" if names else "none set")
    ]


def _faults(settings: Settings) -> Iterator[Finding]:
    if any(value.startswith(CLASSIC) for value in _values(settings.repo_token)):
        yield warning(
            "secrets",
            "PAO_REPO_TOKEN is a classic GitHub token: it opens all that its owner can",
            "use a fine-grained one for this repository alone, with Contents: read-only",
        )
    if settings.repo_ssh_key is not None and _is_rsa(settings.repo_ssh_key):
        yield warning(
            "secrets",
            "PAO_REPO_SSH_KEY is an RSA key, with which libssh2 1.11.1 crashes at some servers",
            "take an Ed25519 one: ssh-keygen -t ed25519",
        )
    if settings.db_file is None and settings.admin_token is None:
        yield warning(
            "secrets",
            "PAO_ADMIN_TOKEN is not set: each machine on this database has one of its own",
            "set the same one on all; `paod token` makes one",
        )
    if set(_values(settings.admin_token)) & set(_values(settings.read_token)):
        yield bad(
            "secrets",
            "a token stands in PAO_READ_TOKEN and in PAO_ADMIN_TOKEN: who reads may do everything",
            "give readers a token of their own: `paod token`",
        )


def _is_rsa(key: Path) -> bool:
    """Return whether a private key says that it is an RSA one, as PEM or as OpenSSH writes it."""
    try:
        text = key.read_bytes()[:65_536]
    except OSError:
        return False
    if b"BEGIN RSA PRIVATE KEY" in text:
        return True
    inside = b"".join(line for line in text.splitlines() if not line.startswith(b"-----"))
    with suppress(binascii.Error, ValueError):
        return b"\x07ssh-rsa" in base64.b64decode(inside)
    return False


def _values(secret: Secret | None) -> tuple[str, ...]:
    """Return the values; none while the file cannot be read, which ``files`` tells."""
    try:
        return () if secret is None else secret.read()
    except SettingsError:
        return ()


def files(settings: Settings) -> Iterator[Finding]:
    """Judge who may read what only paod should."""
    paths = [path for path in _private(settings) if path.exists()]
    found = [fault for path in paths if (fault := _exposed(path)) is not None]
    if (thing := everybodys(settings)) is not None and thing != settings.db_file:
        found.append(bad("files", f"{thing} can be written by every user", f"chmod o-w {thing}"))
    told = ", ".join(path.name for path in paths)
    whole = f"{told}: readable by us alone" if told else "no private ones yet"
    yield from found or [good("files", whole)]


def _private(settings: Settings) -> Iterator[Path]:
    yield from (secret.path for secret in _secrets(settings) if secret.path is not None)
    yield settings.admin_token_file
    if settings.repo_ssh_key is not None:
        yield settings.repo_ssh_key
    if settings.db_file is not None:
        yield settings.db_file


def _exposed(path: Path) -> Finding | None:
    found = path.stat()
    if found.st_uid not in (os.geteuid(), 0):
        hint = f"chown it to the user that paod runs as, or run this as user {found.st_uid}"
        return warning("files", f"{path} belongs to user {found.st_uid}, and not to us", hint)
    if not os.access(path, os.R_OK):
        return bad(
            "files", f"{path} cannot be read by us", "chown it to the user that paod runs as"
        )
    if path.is_relative_to(CREDENTIALS):  # systemd's own access list lets nobody else in
        return None
    if (thing := writable_by_all(path)) is not None:
        return bad("files", f"{path} can be changed by every user", f"chmod o-w {thing}")
    others = stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH
    if found.st_mode & others:
        mode = stat.S_IMODE(found.st_mode)
        return warning("files", f"{path} is open to others (mode {mode:04o})", f"chmod 600 {path}")
    return None


def _secrets(settings: Settings) -> list[Secret]:
    values = [getattr(settings, one.name) for one in fields(settings)]
    return [value for value in values if isinstance(value, Secret)]
