"""The commands that move the catalog. They ask through the same queue as the API does.

Where a daemon runs, it does the work; else it is done here, with the same limits.
"""

from __future__ import annotations

from typing import Any

import click

from paod import daemon, log
from paod.cli.exits import Exit
from paod.cli.opening import opened
from paod.cli.options import as_json, verbosely, with_settings
from paod.cli.outcome import print_outcome, summary
from paod.cli.output import complain, print_json, waiting
from paod.config import Settings
from paod.errors import PaodError
from paod.github_app import secrets_of
from paod.model import SyncRequest

GOOD = "completed"


@click.command()
@click.option("--full", is_flag=True, help="Fold the whole history again, and compare.")
@click.option("--commit", metavar="REV", help="Go to this commit instead of the branch's head.")
@click.option("--dry-run", is_flag=True, help="Tell what would change, and change nothing.")
@click.option(
    "--allow-mass-removal",
    is_flag=True,
    help="Let this commit remove many documents; without --commit, the one that was blocked last.",
)
@click.option(
    "--adopt",
    is_flag=True,
    help="Let a catalog that machines share become that of this repository, branch and root.",
)
@as_json
@verbosely
@with_settings
def sync(
    settings: Settings,
    *,
    full: bool,
    commit: str | None,
    dry_run: bool,
    allow_mass_removal: bool,
    adopt: bool,
    as_json: bool,
    verbose: bool,
) -> int:
    """Sync the catalog once, now."""
    if adopt and dry_run:
        raise click.UsageError("--adopt changes what others may do: it goes with no --dry-run.")
    allowed = (commit or _blocked_commit(settings)) if allow_mass_removal else None
    request = SyncRequest(
        "manual",
        mode="full" if full else "incremental",
        commit=commit,
        dry_run=dry_run,
        allow_mass_removal=allowed,
    )
    return _ask(settings, request, as_json=as_json, verbose=verbose, adopt=adopt)


@click.command()
@click.argument("rev")
@click.option("--reason", required=True, help="Why, for whoever wonders later.")
@click.option(
    "--allow-mass-removal", is_flag=True, help="Go there even if that removes many documents."
)
@as_json
@verbosely
@with_settings
def rollback(
    settings: Settings,
    rev: str,
    reason: str,
    *,
    allow_mass_removal: bool,
    as_json: bool,
    verbose: bool,
) -> int:
    """Hold the catalog at an earlier commit.

    Pushes are recorded but move nothing until `paod resume`. Works while the remote is down.
    """
    allowed = rev if allow_mass_removal else None
    request = SyncRequest(
        "rollback", commit=rev, pin="set", reason=reason, allow_mass_removal=allowed
    )
    return _ask(settings, request, as_json=as_json, verbose=verbose)


@click.command()
@click.option(
    "--allow-mass-removal",
    is_flag=True,
    help="Let the commit that was blocked last remove many documents.",
)
@as_json
@verbosely
@with_settings
def resume(settings: Settings, *, allow_mass_removal: bool, as_json: bool, verbose: bool) -> int:
    """Let the catalog follow the branch again."""
    allowed = _blocked_commit(settings) if allow_mass_removal else None
    request = SyncRequest("manual", pin="clear", allow_mass_removal=allowed)
    return _ask(settings, request, as_json=as_json, verbose=verbose)


@click.command()
@click.argument("sync_id", type=click.IntRange(min=1))
@as_json
@with_settings
def cancel(settings: Settings, sync_id: int, *, as_json: bool) -> int:
    """Cancel a dry run, or a sync that waits.

    A sync that is under way comes to its end by itself.
    """
    with opened(settings, read_only=False) as store:
        row = store.sync(sync_id)
        if row is None:
            raise PaodError(f"there is no sync {sync_id}", "paod status lists what waits")
        if not store.cancel(sync_id, "it was cancelled", "Cancelled"):
            raise PaodError(
                f"sync {sync_id} is {row['status']} and cannot be cancelled",
                "a dry run can be, or a sync that waits for nobody else",
            )
        row = store.sync(sync_id) or row
    if as_json:
        print_json(row)
    else:
        click.echo(f"sync {sync_id} is cancelled")
    return Exit.FINE


def _ask(
    settings: Settings,
    request: SyncRequest,
    *,
    as_json: bool,
    verbose: bool,
    adopt: bool = False,
) -> int:
    """Have a request carried out, print how it ended, and return the exit status."""
    row = carry_out(settings, request, verbose=verbose, adopt=adopt)
    good = row["status"] == GOOD
    if as_json:
        print_json(row)
    elif good:
        print_outcome(row)
    else:
        complain(summary(row))
    return Exit.FINE if good else Exit.FAILED


def carry_out(
    settings: Settings, request: SyncRequest, *, verbose: bool, adopt: bool = False
) -> dict[str, Any]:
    """Have a request carried out, and return the row that says how it ended."""
    level = settings.log_level if verbose else "critical"
    log.setup(level, settings.log_format, lambda: secrets_of(settings))
    with waiting("waiting for the sync to end") as tell:
        return daemon.run_once(settings, request, lambda phase: tell(f"sync: {phase}"), adopt=adopt)


def _blocked_commit(settings: Settings) -> str:
    """Return the branch's commit that the mass-removal guard holds back."""
    with opened(settings) as store:
        commit = store.blocked_commit()
    if commit is None:
        raise PaodError(
            "leave to remove many documents is given for one commit, and none is blocked",
            "name it: paod sync --commit REV --allow-mass-removal",
        )
    return commit
