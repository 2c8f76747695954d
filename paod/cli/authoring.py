"""``paod schema``: what editors read to complete and explain a document while it is written."""

from __future__ import annotations

import click

from paod.cli.output import print_json
from paod.model import Kind
from paod.schema import json_schema


@click.command()
@click.argument("kind", required=False, type=click.Choice(["item", "bundle"]))
def schema(kind: Kind | None) -> None:
    """Print the JSON Schema of documents, for editors.

    Without an argument it holds for items and bundles alike. Editors read it from a file:

    \b
        paod schema > .paod-schema.json

    and find it by a first line such as

    \b
        # yaml-language-server: $schema=../../.paod-schema.json
    """
    print_json(json_schema(kind))
