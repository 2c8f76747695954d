"""The commands: what a person or a script asks of paod. Everything is put together here.

Exit statuses are decided in ``exits``, what is printed goes through ``output``.
"""

from __future__ import annotations

from collections.abc import Sequence

from paod.cli.exits import exit_status
from paod.cli.output import complain
from paod.cli.root import root
from paod.cli.streams import prepare


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit status."""
    prepare()
    return exit_status(
        lambda: root.main(arguments, prog_name="paod", standalone_mode=False), complain
    )
