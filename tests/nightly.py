"""What takes longer than a change may wait for: ``python -m tests.nightly [PART…] [--scale 0.1]``.

Runs the parts that are named, or all, one after the other, and says of each what it did, how it
ended and how long that took. A part that fails does not keep the next ones from running; its
output lies in the folder that the first line names.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

import click

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True, slots=True)
class Part:
    """A command of the suite; ``{}`` in its words and settings is ``amount``, times the scale."""

    name: str
    does: str
    command: tuple[str, ...]
    amount: int = 1
    settings: dict[str, str] = field(default_factory=dict)
    limit: float = 3600.0
    """Seconds after which it is ended and has failed, whatever the scale."""


def pytest(*words: str) -> tuple[str, ...]:
    """Return the words of a run of tests on both cores."""
    return (
        "-m",
        "pytest",
        "-q",
        "-n",
        "2",
        "--dist",
        "worksteal",
        "-p",
        "no:cacheprovider",
        *words,
    )


PARTS = (
    Part(
        "histories",
        "random histories through Git, syncs and both databases, held against the model",
        pytest("tests/test_history.py", "tests/test_store_pins.py", "-o", "timeout=0"),
        amount=10_000,
        settings={"PAOD_HISTORIES": "{}"},
        limit=4 * 3600.0,
    ),
    Part(
        "kills",
        "kills of each kind: of syncs, of a daemon's processes, of who syncs for three machines",
        pytest(
            "tests/faults/test_kill.py",
            "tests/faults/test_kill_sync.py",
            "tests/faults/test_machines.py",
            "-o",
            "timeout=0",
        ),
        amount=100,
        settings={"PAOD_KILLS": "{}"},
    ),
    Part(
        "costly",
        "commits and requests that cost as much as the limits let them",
        ("-m", "tests.costly", "--commits", "{}", "--requests", "{}"),
        amount=2_000,
    ),
    Part(
        "largest",
        "a commit of 100 MiB of each costly shape, within the default deadline",
        ("-m", "tests.costly", "--commits", "0", "--requests", "0", "--largest"),
        limit=2 * 3600.0,
    ),
    Part(
        "torn",
        "reads of shared memory beside a busy writer on one core",
        ("-m", "tests.torn"),
    ),
    Part(
        "chaos",
        "three machines on PostgreSQL while faults of servers, network, disks and daemons come",
        ("-m", "tests.chaos", "--seconds", "{}"),
        amount=7200,
        limit=3 * 3600.0,
    ),
    Part(
        "soak",
        "minutes of pushes, force pushes, reads and previews on one busy core",
        ("-m", "tests.soak", "--minutes", "{}"),
        amount=60,
        limit=2 * 3600.0,
    ),
    Part("incidents", "the ten incidents, as an operator sees them", ("-m", "tests.incidents")),
    Part(
        "fuzz",
        "made and damaged documents at the validator",
        ("-m", "tests.fuzz", "--inputs", "{}", "--jobs", "2"),
        amount=1_000_000,
    ),
)


@click.command()
@click.argument("names", nargs=-1)
@click.option("--scale", default=1.0, show_default=True, help="Share of each part's amount.")
@click.option("--list", "listed", is_flag=True, help="Name the parts and end.")
def main(names: tuple[str, ...], scale: float, listed: bool) -> None:
    """Run the parts that are named, or all."""
    known = {part.name: part for part in PARTS}
    if unknown := set(names) - set(known):
        raise click.UsageError(
            f"no part {', '.join(sorted(unknown))}; there are {', '.join(known)}"
        )
    chosen = [known[name] for name in names] or list(PARTS)
    if listed:
        for part in chosen:
            click.echo(f"{part.name:<12}{part.does}")
        return
    logs = Path(tempfile.mkdtemp(prefix="paod-nightly-"))
    click.echo(f"output: {logs}")
    ends = [_run(part, scale, logs / f"{part.name}.log") for part in chosen]
    sys.exit(int(not all(ends)))


def _run(part: Part, scale: float, log: Path) -> bool:
    """Run one part, say how it ended, and return whether it went well."""
    amount = str(max(1, round(part.amount * scale)))
    command = [sys.executable, *(word.replace("{}", amount) for word in part.command)]
    environment = os.environ | {k: v.replace("{}", amount) for k, v in part.settings.items()}
    began = time.monotonic()
    with log.open("wb") as output:
        try:
            status: int | str = subprocess.run(
                command, cwd=ROOT, env=environment, stdout=output, stderr=output, timeout=part.limit
            ).returncode
        except subprocess.TimeoutExpired:
            status = f"ended after {part.limit:.0f} s"
    how = "passed" if status == 0 else f"FAILED ({status})"
    of = "" if part.amount == 1 else f", {amount} of them"
    click.echo(f"{part.name:<12}{how} in {time.monotonic() - began:.0f} s: {part.does}{of}")
    lines = log.read_text("utf-8", "replace").splitlines()
    for line in lines[-1:] if status == 0 else lines[-15:]:
        click.echo(f"  {line}")
    return status == 0


if __name__ == "__main__":
    main()
