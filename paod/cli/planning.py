"""``paod plan``: what would change, whom that breaks, what goes wrong; nothing is written.

Asked of the daemon's database where a repository is set. In a checkout it needs neither: the
checkout's own history stands in for the database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from paod import ref
from paod.checking.proposed import plan_checkout
from paod.cli.exits import Exit
from paod.cli.options import in_style, verbosely, with_database_settings
from paod.cli.outcome import summary
from paod.cli.output import complain, print_json, waiting
from paod.cli.plan_text import print_plan
from paod.config import Settings
from paod.errors import SettingsError
from paod.mirror import Checkout
from paod.model import SyncRequest, SyncResult, preview_request
from paod.preview import NOTHING, told
from paod.preview.markdown import markdown
from paod.preview.words import has_new_errors
from paod.worktree import find_checkout

FORMATS = ("text", "json", "markdown")

Plan = dict[str, Any]


@click.command()
@click.argument("rev", required=False)
@click.option(
    "--base",
    metavar="REV",
    help="In a checkout: the branch that it is to be merged into, such as origin/main.",
)
@click.option(
    "--checkout",
    "folder",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Look at this checkout and ask no daemon; so it is with --base, or without settings.",
)
@click.option("--root", help="In a checkout: the folder that holds the documents.")
@in_style(FORMATS, "markdown: the comment of a pull request.")
@click.option("--fail-on-breaking", is_flag=True, help="Fail where orders would break, too.")
@verbosely
@with_database_settings
def plan(
    settings: Settings,
    rev: str | None,
    base: str | None,
    folder: Path | None,
    root: str | None,
    style: str,
    *,
    fail_on_breaking: bool,
    verbose: bool,
) -> int:
    """Say what would change, and change nothing.

    REV is a commit, a branch, or a pull request's ref (refs/pull/7/head): it is looked at as if it
    were merged now. Left out, it is the branch's head; in a checkout, the working tree. The exit
    status is 1 where a sync would be blocked or rejected, or there are new errors.
    """
    if root is not None:
        settings = replace(settings, catalog_root=root.strip("/"))
    if any(one is not None for one in (base, folder, root)) or not settings.repo_url:
        found = _of_checkout(settings, folder, rev, base)
    else:
        from paod.cli.syncing import carry_out  # a checkout needs no daemon, nor a system for one

        row = carry_out(settings, _request(rev), verbose=verbose)
        if row["status"] == "failed":
            complain(summary(row))
            return Exit.FAILED
        found = told(row, row["preview"] or NOTHING)
    _print(found, style)
    bad = found["status"] != "completed" or has_new_errors(found)
    return Exit.FAILED if bad or (fail_on_breaking and found["breaking"]) else Exit.FINE


def _request(rev: str | None) -> SyncRequest:
    """Return the dry run that a revision asks for."""
    try:
        wanted = None if rev is None else ref.full(rev)
    except ValueError as error:
        raise click.BadParameter(f"{rev!r}: {error}", param_hint="REV") from None
    return preview_request(wanted)


def _of_checkout(
    settings: Settings, folder: Path | None, rev: str | None, base: str | None
) -> Plan:
    start = folder or Path()
    top = find_checkout(start)
    if top is None:
        raise SettingsError(
            f"PAO_REPO_URL is not set, and {start.absolute()} is no checkout",
            "run it in a checkout of the catalog's repository, or set PAO_REPO_URL",
        )
    checkout = Checkout(top, settings.catalog_root)
    new = base is None and rev is None and checkout.is_new
    branch = None if new else base or checkout.upstream()
    onto = None if branch is None else checkout.resolve(branch)
    commit = None if rev is None else checkout.resolve(rev)
    with waiting("reading the checkout") as tell:
        result = plan_checkout(
            checkout, onto, commit, settings, lambda phase: tell(f"plan: {phase}")
        )
    return told(_as_row(result, branch, rev), result.preview or NOTHING)


def _as_row(result: SyncResult, branch: str | None, rev: str | None) -> Plan:
    """Return what a dry run's row would say."""
    return {
        "sync_id": None,
        "requested_ref": rev,
        "requested_commit": None,
        "branch": branch,
        "status": result.status,
        "reason": result.reason,
        "message": result.message,
        "from_commit": result.from_commit,
        "to_commit": result.to_commit,
    }


def _print(found: Mapping[str, Any], style: str) -> None:
    if style == "json":
        print_json(found)
    elif style == "markdown":
        click.echo(markdown(found), nl=False)
    else:
        print_plan(found)
