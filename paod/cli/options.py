"""What several commands take: where the settings are, whether a machine reads the answer."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from paod.config import Settings, load

Command = Callable[..., Any]

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")


def with_settings(command: Command) -> Command:
    """Give a command ``settings``, read from --config and the environment when it runs."""

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
        settings = read_settings(config or context.find_root().params.get("config"))
        return command(*arguments, settings=settings, **options)

    return read_first


def read_settings(config: Path | None) -> Settings:
    """Read the settings, whose faults end the command with one message."""
    return load(os.environ, config)
