"""The mirror that the settings describe."""

from __future__ import annotations

from paod.config import Settings
from paod.github_app import tokens_of
from paod.mirror import Credentials, Mirror, OnPhase, Remote


def open_mirror(settings: Settings, on_phase: OnPhase) -> Mirror:
    """Open the mirror of the configured repository, making it if need be; no network yet.

    ``on_phase`` is told what begins and after how many seconds it may be taken for hung. Raises
    ``SettingsError`` for a remote that paod never speaks to, ``MirrorError`` for a folder that
    is not ours.
    """
    mirror = Mirror(
        settings.mirror_dir, remote_of(settings), settings.catalog_root, on_phase=on_phase
    )
    mirror.open()
    return mirror


def open_annex(settings: Settings, on_phase: OnPhase) -> Mirror:
    """Open the mirror for what is only looked at: it borrows the objects of the branch's mirror.

    So a proposal leaves nothing in that one, neither objects nor a lock. Raises like
    ``open_mirror``.
    """
    mirror = Mirror(
        settings.annex_dir,
        remote_of(settings),
        settings.catalog_root,
        on_phase=on_phase,
        lender=settings.mirror_dir,
    )
    mirror.open()
    return mirror


def remote_of(settings: Settings) -> Remote:
    """Return where the repository is, and how to reach it."""
    return Remote(
        url=settings.repo_url,
        branch=settings.repo_branch,
        credentials=lambda: _credentials(settings),
        on_denied=lambda: _forget_token(settings),
        ssh_key=settings.repo_ssh_key,
        known_hosts=settings.repo_known_hosts,
        ca_file=settings.repo_ca_file,
        proxy=settings.repo_proxy,
        timeout=settings.repo_timeout,
    )


def _credentials(settings: Settings) -> Credentials | None:
    """Read the token again: it may have been rotated since the last connection."""
    if (tokens := tokens_of(settings)) is not None:
        return Credentials("x-access-token", tokens.token())
    if settings.repo_token is None:
        return None
    return Credentials(settings.repo_username, settings.repo_token.values()[0])


def _forget_token(settings: Settings) -> None:
    """Let the next connection ask for a new token, where they can be asked for."""
    if (tokens := tokens_of(settings)) is not None:
        tokens.forget()
