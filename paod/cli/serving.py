"""``paod serve`` and ``paod demo``: the commands that stay."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import MutableMapping
from pathlib import Path

import click

from paod import daemon, log
from paod import demo as demonstration
from paod.cli.options import with_settings
from paod.config import SETTINGS, Settings
from paod.github_app import secrets_of


@click.command()
@with_settings
def serve(settings: Settings) -> int:
    """The daemon: follow the repository and serve the API.

    Ends in order at SIGTERM or Ctrl-C; SIGHUP asks for a sync now. Under systemd it tells
    how it is, and serves on the socket that a socket unit hands over.
    """
    log.setup(settings.log_level, settings.log_format, lambda: secrets_of(settings))
    forget_secrets(os.environ)
    listener = daemon.inherited_listener(os.environ, os.getpid())
    notifier = daemon.Notifier.of(os.environ, os.getpid())
    return daemon.serve(settings, listener=listener, on_state=notifier)


@click.command()
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the repository shall lie and stay; else a temporary folder, removed at the end.",
)
@click.option("--port", type=click.IntRange(0, 65_535), default=8080, show_default=True)
@click.option("--verbose", is_flag=True, help="Show the daemon's log.")
def demo(folder: Path | None, port: int, *, verbose: bool) -> int:
    """Try paod on an example repository, with nothing to configure.

    Prints where it is and what to try, then a line for each sync. When PORT is taken, the next free
    one is used.
    """
    log.setup("info" if verbose else "warning", "text")
    logging.getLogger("paod.sync").setLevel(logging.INFO)
    return demonstration.run(
        lambda settings, listener: daemon.serve(settings, listener=listener, hangup_ends=True),
        _say,
        folder,
        port,
    )


def forget_secrets(environ: MutableMapping[str, str]) -> None:
    """Remove the secrets from the environment, so that no child program inherits them."""
    for setting in SETTINGS:
        if setting.secret or setting.hides:
            environ.pop(setting.name, None)


def _say(text: str) -> None:
    click.echo(text)
    sys.stdout.flush()
