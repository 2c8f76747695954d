"""``paod explain``: what a problem's code means, as the documentation says it."""

from __future__ import annotations

from dataclasses import asdict

import click

from paod.cli.findings import STYLES
from paod.cli.options import as_json
from paod.cli.output import print_json, print_line, print_pieces, print_table
from paod.codes import CODES, Code, as_text
from paod.errors import SettingsError
from paod.finding import nearest


@click.command()
@click.argument("code", required=False)
@as_json
def explain(code: str | None, *, as_json: bool) -> None:
    """Say what a problem means and how to fix it, with an example.

    CODE is what stands in brackets: unknown-type in error[unknown-type]. Without one, all are
    listed.
    """
    found = list(CODES.values()) if code is None else [_known(code)]
    if as_json:
        print_json(asdict(found[0]) if code else {"codes": [asdict(one) for one in found]})
    elif code is None:
        print_table(("code", "severity", "meaning"), [_row(one) for one in found])
    else:
        _print(found[0])


def _known(given: str) -> Code:
    """Find a code however it was copied: ``error[unknown-type]:`` names one too."""
    name = given.strip().rstrip(":").removesuffix("]").rpartition("[")[2].lower()
    if name in CODES:
        return CODES[name]
    hint = nearest(name, CODES) or "`paod explain` lists all codes"
    raise SettingsError(f"there is no code {given[:64]!r}", hint)


def _row(code: Code) -> tuple[str, str, str]:
    return code.code, code.severity, code.meaning


def _print(code: Code) -> None:
    print_pieces([(f"{code.severity}[{code.code}]", STYLES[code.severity])])
    print_line()
    for line in as_text(code).split("\n"):
        print_line(line, "cyan" if line.startswith("    ") else None)
