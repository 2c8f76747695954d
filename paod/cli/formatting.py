"""``paod fmt``: documents laid out alike, so that a review shows what changed and nothing else."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import redirect_stdout, suppress
from pathlib import Path

import click

from paod.cli.checkout import part_of
from paod.cli.exits import Exit
from paod.cli.findings import print_findings
from paod.cli.outcome import counted
from paod.cli.output import print_line, progress
from paod.document import decode
from paod.document.layout import lay_out
from paod.errors import SettingsError
from paod.schema import rank
from paod.validate import Rules, is_document_path, parse_text
from paod.worktree import files

STANDARD_INPUT = Path("-")


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit status 1 if anything would be.")
@click.option(
    "--root", default="catalog", show_default=True, help="The folder that holds the documents."
)
def fmt(paths: tuple[Path, ...], check: bool, root: str) -> int:
    """Put documents' keys in order and quote their texts alike.

    PATH is a file, or a checkout or folder of a catalog, the working directory when none is given;
    - is standard input, whose layout goes to standard output. Comments, blank lines and indentation
    stay, and what paod reads from a file stays the same: that is proved before the file is written.
    """
    if paths == (STANDARD_INPUT,):
        return _filter(check)
    rules = Rules(root=root.strip("/"))
    changed, bad, total = 0, 0, 0
    for file, data in dict(_documents(paths or (Path(),), rules)).items():
        total += 1
        new = _laid_out(data, str(file))
        if new is None:
            bad += 1
        elif new != data:
            changed += 1
            print_line(f"{'would lay out' if check else 'laid out'} {file}")
            if not check:
                _replace(file, new)
    print_line(_summary(total, changed, bad, check))
    return Exit.FAILED if bad or (check and changed) else Exit.FINE


def _summary(total: int, changed: int, bad: int, check: bool) -> str:
    said = f"{counted(total, 'document')}: {changed} {'to lay out' if check else 'laid out'}"
    return said + (f", {bad} cannot be read" if bad else "")


def _filter(check: bool) -> int:
    data = sys.stdin.buffer.read()
    with redirect_stdout(sys.stderr):  # what stands on standard output becomes the file
        new = _laid_out(data, "-")
    if new is None:
        return Exit.FAILED
    if check:
        return Exit.FINE if new == data else Exit.FAILED
    sys.stdout.buffer.write(new)
    return Exit.FINE


def _documents(paths: tuple[Path, ...], rules: Rules) -> Iterator[tuple[Path, bytes]]:
    """Yield the documents at or below some paths; links and what is too large are passed over."""
    for path in paths:
        if not path.exists():
            raise SettingsError(f"there is no file or folder {path}")
        part = part_of(path, rules.root)
        if path.is_dir() and not part.placed:  # its YAML may be anything, and nobody asked for it
            hint = f"go to a checkout that holds {rules.root}/, or name files"
            raise SettingsError(f"{path.absolute()} holds no catalog", hint=hint)
        for name, data, _ in progress(files(part.checkout, part.below), "laying out"):
            if data is not None and (not part.placed or is_document_path(name, rules)):
                yield Path(os.path.relpath(part.checkout / name)), data


def _laid_out(data: bytes, name: str) -> bytes | None:
    """Return a file's bytes laid out; None: they cannot be read, and the problems are printed."""
    text = decode(data)
    new = lay_out(text, rank) if isinstance(text, str) else None
    if new is not None:
        return new.encode()
    problems = [problem.as_json() | {"path": name} for problem in parse_text(data, Rules())]
    errors = [problem for problem in problems if problem["severity"] == "error"]
    print_findings(errors, lambda _path: data)
    return None


def _replace(file: Path, data: bytes) -> None:
    """Write a file in one step, with the rights that it had: no reader sees half of it."""
    try:
        descriptor, made = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        try:
            with os.fdopen(descriptor, "wb") as new:
                new.write(data)
            Path(made).chmod(file.stat().st_mode & 0o7777)
            Path(made).replace(file)
        finally:
            with suppress(FileNotFoundError):
                Path(made).unlink()
    except OSError as error:
        raise SettingsError(f"{file} cannot be written: {error.strerror}") from error
