"""``paod doctor``: what paod stands on, a line each, and what to mend."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from paod.cli.exits import Exit
from paod.cli.options import as_json
from paod.cli.outcome import counted
from paod.cli.output import print_json, print_line, waiting
from paod.config import load
from paod.doctor import Finding, examine

STYLES = {"good": "green", "warning": "yellow", "bad": "bold red", "skipped": "dim"}


@click.command()
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The YAML file with settings; PAO_CONFIG names one too.",
)
@as_json
@click.pass_context
def doctor(context: click.Context, config: Path | None, *, as_json: bool) -> int:
    """Look at everything that paod stands on, and say what to fix.

    Run it as the user that paod runs as, with its settings. It ends within a minute and changes
    nothing, but for the row of one ping to PAO_PUBLIC_URL. The exit status is 1 when something is
    bad; warnings alone are fine.
    """
    config = config or context.find_root().params.get("config")
    with waiting("looking at settings, machine, database and repository"):
        found = examine(lambda: load(os.environ, config))
    ill = any(one.state == "bad" for one in found)
    if as_json:
        print_json({"good": not ill, "checks": [one.as_json() for one in found]})
    else:
        _print(found)
    return Exit.FAILED if ill else Exit.FINE


def _print(found: Sequence[Finding]) -> None:
    width = max(len(one.check) for one in found)
    for one in found:
        first, *rest = one.message.split("\n")
        print_line(f"{one.state:<7}  {one.check:<{width}}  {first}", STYLES[one.state])
        for line in rest:
            print_line(f"{'':<{9 + width}}  {line.strip()}")
        if one.hint:
            print_line(f"{'':<{9 + width}}  → {one.hint}")
    states = [one.state for one in found]
    told = [("bad", "thing to mend"), ("warning", "warning")]
    counts = [counted(states.count(state), what) for state, what in told if state in states]
    print_line(" and ".join(counts).replace("thing to mends", "things to mend") or "all is well")
