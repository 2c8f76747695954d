"""From settings to what a process works with. Each process opens its own, after it was forked."""

from __future__ import annotations

import stat
from pathlib import Path

from paod.basis import applied_with, check_source
from paod.config import Settings
from paod.daemon.instance import lock_paths
from paod.database import Password, no_password, open_database
from paod.errors import SettingsError
from paod.github_app import secrets_of, tokens_of
from paod.log import Redactor
from paod.mirror import known_host_of
from paod.permissions import writable_by_all
from paod.signers import Signers
from paod.store import Outlets, Source, Store
from paod.sync import remote_of


def open_store(settings: Settings, *, read_only: bool = False) -> Store:
    """Open the store that the settings describe; connections are made when they are needed."""
    source = Source(settings.repo_url, settings.repo_branch, settings.catalog_root)
    outlets = Outlets(
        alerts=settings.alert_url is not None,
        changes=settings.alert_changes,
        statuses=settings.commit_status is not None,
    )
    database = open_database(
        settings.db_url,
        read_only=read_only,
        pool_size=settings.db_pool_size,
        instance=settings.instance_name,
        password=password_of(settings),
    )
    redact = Redactor(lambda: secrets_of(settings))
    return Store(database, source=source, outlets=outlets, redact=redact)


def check_files(settings: Settings) -> None:
    """Raise SettingsError for files and keys of the settings whose content cannot be used."""
    known_host_of(remote_of(settings))
    if settings.allowed_signers is not None:
        Signers(settings.allowed_signers).check()
    if (tokens := tokens_of(settings)) is not None:
        tokens.check()


def password_of(settings: Settings) -> Password:
    """Return what tells the database's password whenever it is needed."""
    return no_password if settings.db_password is None else settings.db_password.value


def prepare_state(settings: Settings) -> None:
    """Make the state folder, for this user's eyes only; raise SettingsError when it cannot be.

    Or when every user may write it, or the database's file: what lies there is believed.
    """
    try:
        settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"the state folder {settings.state_dir} cannot be made: {error.strerror}",
            "PAO_STATE_DIR names a folder that paod may write",
        ) from error
    if (thing := everybodys(settings)) is not None:
        raise SettingsError(
            f"{thing} can be written by every user of this machine, and what lies there is trusted",
            f"chmod o-w {thing}",
        )


def everybodys(settings: Settings) -> Path | None:
    """Return what every user may write of what paod keeps, None where nothing is."""
    if settings.state_dir.is_dir() and settings.state_dir.stat().st_mode & stat.S_IWOTH:
        return settings.state_dir
    return None if settings.db_file is None else writable_by_all(settings.db_file)


def prepare_store(settings: Settings, *, adopt: bool = False) -> None:
    """Make or migrate the database, and leave no connection open.

    Raises ``StoreUnavailable`` at once for a file that cannot be written: nobody but its owner can
    change that. A server may be a standby now, whose catalog is read meanwhile. ``SettingsDiffer``
    where it is of another source than these settings name, unless they are to ``adopt`` it.
    """
    store = open_store(settings)
    try:
        store.migrate()
        if not store.database.shared:
            store.try_to_write()
        if adopt:
            store.adopt(applied_with(settings))
        else:
            check_source(store, settings)
    finally:
        store.database.close()


def locks_of(settings: Settings) -> tuple[Path, ...]:
    """Return the files that a running daemon holds locked."""
    return lock_paths(settings.state_dir, settings.db_file)
