"""``paod token``: makes a token. It is printed once and stored nowhere."""

from __future__ import annotations

import click

from paod.cli.options import as_json
from paod.cli.output import is_terminal, print_json, print_line, print_pairs
from paod.config import digest_of, new_token


@click.command()
@as_json
def token(*, as_json: bool) -> None:
    """Make a token, and the hash that may stand in for it.

    Put the hash into PAO_ADMIN_TOKEN or PAO_READ_TOKEN, and give the token to whoever shall use it.
    """
    made = new_token()
    if as_json:
        print_json({"token": made, "hash": digest_of(made)})
        return
    print_pairs([("token", made), ("hash", digest_of(made))])
    if is_terminal():
        print_line(
            f"Put PAO_READ_TOKEN={digest_of(made)} into the settings (PAO_ADMIN_TOKEN for one that "
            "may do everything; several are comma-separated), and give the token to its user: it "
            "is shown once.",
            "dim",
        )
