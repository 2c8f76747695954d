"""The command ``paod``: a list of commands that are imported when they are asked for.

``paod --help`` and a mistyped command answer without loading Git, SQL or HTTP.
"""

from __future__ import annotations

import difflib
import importlib
from pathlib import Path
from typing import Any

import click

from paod import __version__

GROUPS = {
    "Run": {
        "demo": ("serving", "Try paod on an example repository, with nothing to configure."),
        "serve": ("serving", "The daemon: follow the repository and serve the API."),
        "doctor": ("examining", "Look at everything that paod stands on, and say what to fix."),
        "token": ("tokens", "Make a token, and the hash that may stand in for it."),
        "webhook": (
            "hooks",
            "Try the receiver of webhooks: `paod webhook test` calls it as a Git host would.",
        ),
        "backup": ("recovering", "Copy the database to a new file, whether paod runs or not."),
        "restore": ("recovering", "Put a backup in the database's place."),
        "migrate": ("migrating", "Copy the catalog with its history to another database."),
    },
    "Write documents": {
        "new": ("starting", "Write a valid document to start from: NAME, --category, --owner."),
        "validate": ("validating", "Check files, folders or a whole checkout."),
        "watch": ("watching", "Check a checkout again at every save."),
        "explain": ("explaining", "Say what a problem means and how to fix it, with an example."),
        "fmt": ("formatting", "Put documents' keys in order and quote their texts alike."),
        "plan": ("planning", "Say what would change, and change nothing."),
        "schema": ("authoring", "Print the JSON Schema of documents, for editors."),
    },
    "Look at the catalog": {
        "status": ("reporting", "Say what is served, since when, and what waits."),
        "problems": ("reporting", "List what is wrong with documents."),
        "history": ("reading", "List the revisions of an item or a bundle."),
        "diff": ("reading", "Say what changed between two revisions."),
    },
    "Move the catalog": {
        "sync": ("syncing", "Sync the catalog once, now."),
        "rollback": ("syncing", "Hold the catalog at an earlier commit."),
        "resume": ("syncing", "Let the catalog follow the branch again."),
        "cancel": ("syncing", "Cancel a dry run, or a sync that waits."),
        "pin": ("pinning", "Serve one revision of an item until it is released."),
        "unpin": ("pinning", "Serve an item as the branch says again."),
    },
}
"""Each command's module in this room, and its line in the list of commands."""

COMMANDS = {name: line for group in GROUPS.values() for name, line in group.items()}


class Commands(click.Group):
    """A group whose commands are imported by name."""

    def list_commands(self, _context: click.Context) -> list[str]:
        """Return the names in the order in which people need them."""
        return list(COMMANDS)

    def get_command(self, _context: click.Context, name: str) -> click.Command | None:
        """Import a command; None: there is none of that name."""
        if name not in COMMANDS:
            return None
        module = importlib.import_module(f"paod.cli.{COMMANDS[name][0]}")
        command: click.Command = getattr(module, name)
        return command

    def resolve_command(
        self, context: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; a mistyped one is answered with the nearest."""
        near = difflib.get_close_matches(args[0], COMMANDS, n=1)
        if args[0] not in COMMANDS and near and not args[0].startswith("-"):
            context.fail(f"No such command {args[0]!r}. Did you mean {near[0]!r}?")
        return super().resolve_command(context, args)

    def format_commands(self, _context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing any."""
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(name, about) for name, (_, about) in commands.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="paod %(version)s")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    expose_value=True,
    help="The YAML file with settings, for the commands that need any.",
)
def root(**_options: Any) -> None:
    """Keep a service catalog in step with its Git repository, and serve it.

    Try `paod demo` first: it needs nothing configured.
    """
