"""What several commands take: where the settings are, whether a machine reads the answer."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from paod.config import load

Command = Callable[..., Any]

_AS_FORMAT = "The same as --format json."
verbosely = click.option("--verbose", is_flag=True, help="Show the log of a sync that runs here.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def in_style(formats: Sequence[str], about: str) -> Callable[[Command], Command]:
    """Give a command ``style``: how it prints, one of some formats. ``about``: their help."""

    def styled(command: Command) -> Command:
        short = click.option("--json", "style", flag_value="json", help=_AS_FORMAT)
        whole = click.option(
            "--format",
            "style",
            type=click.Choice(formats),
            default="text",
            show_default=True,
            help=about,
        )
        return whole(short(command))

    return styled


def with_settings(command: Command, *, repository: bool = True) -> Command:
    """Give a command ``settings``, read from --config and the environment when it runs.

    ``repository``: whether it has to know which repository is followed.
    """

    @click.option(
        "--config",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The YAML file with settings; PAO_CONFIG names one too.",
    )
    @click.pass_context
    @functools.wraps(command)
    def read_first(
        context: click.Context, /, *arguments: Any, config: Path | None, **options: Any
    ) -> Any:
        config = config or context.find_root().params.get("config")
        settings = load(os.environ, config, repository=repository)
        return command(*arguments, settings=settings, **options)

    return read_first


def with_database_settings(command: Command) -> Command:
    """Give ``settings`` to a command that reads the database, and needs no repository's address."""
    return with_settings(command, repository=False)
