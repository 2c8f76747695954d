"""Has pre-commit install and run the hooks of this checkout: ``python -m tests.try_hooks``.

It needs the network and some minutes: pre-commit installs paod with all that it stands on.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

import click

CHECKOUT = Path(__file__).parent.parent
EXAMPLE = CHECKOUT / "config/example-catalog/catalog/databases/mysql-database.yaml"


def called(*words: str | Path, cwd: Path | None = None, fails: bool = False) -> str:
    """Run a program, which must succeed or fail as said; return what it says."""
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    if (done.returncode != 0) != fails:
        sys.exit(f"{words}: exit status {done.returncode}\n{done.stdout}")
    return done.stdout


def main() -> None:
    """Try the hooks on a good document, on one that is laid out badly, and on a bad one."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        venv.create(folder / "venv", with_pip=True)
        pre_commit = folder / "venv" / "bin" / "pre-commit"
        called(folder / "venv" / "bin" / "pip", "install", "--quiet", "pre-commit")
        called("git", "clone", "--quiet", CHECKOUT, folder / "paod")
        catalog = folder / "catalog"
        file = catalog / "catalog" / "databases" / "mysql-database.yaml"
        file.parent.mkdir(parents=True)
        called("git", "init", "--quiet", catalog)
        good = EXAMPLE.read_text("utf-8")
        for text, failing, told in (
            (good, False, "Passed"),
            (good.replace("type: string", "'type': string", 1), True, "files were modified"),
            (good.replace("type: string", "type: strng", 1), True, "unknown-type"),
        ):
            file.write_text(text, "utf-8")
            called("git", "add", ".", cwd=catalog)
            words = (pre_commit, "try-repo", folder / "paod", "--all-files", "--color=never")
            said = called(*words, cwd=catalog, fails=failing)
            click.echo(said[said.rindex("=====") + 5 :].strip())
            if told not in said:
                sys.exit(f"{told!r} was expected")


if __name__ == "__main__":
    main()
