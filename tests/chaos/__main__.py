"""Let faults come and go, hold everything against what was pushed, and print a table."""

from __future__ import annotations

import os
import random
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, fields
from pathlib import Path

import click

from tests.chaos import checks
from tests.chaos.clients import Follower, Looker, Pusher, first_files
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.site import PRIVATE, Faulty, Site, unmount, until
from tests.postgres import MEMORY

SERVES_AGAIN = 5.0
"""Seconds after a fault within which every machine serves."""
DELIVERED = 5.0
"""Seconds that a delivery may take, whatever happens, to a machine that runs."""
QUIET = 1.0
"""Seconds between two faults."""
SHARE = 0.1
"""Share of a whole run that one fault lasts at most."""


@dataclass(slots=True)
class Seen:
    """What was seen of one kind of fault; seconds are the longest, all else is counted."""

    faults: int = 0
    recovery: float = 0.0
    visible: float = 0.0
    delivery: float = 0.0
    deliveries: int = 0
    refused: int = 0
    syncs: int = 0
    reads: int = 0
    unread: int = 0
    gone: int = 0


HEADS = ("faults", "recovery", "visible", "delivery", "deliveries", "503", "syncs", "reads")
HEADS += ("503", "410")


class Run:
    """One run of some seconds."""

    def __init__(self, folder: Path, stack: ExitStack, seed: int) -> None:
        self.site = Site(folder, stack, random.Random(seed), first_files())
        self.author = Pusher(self.site, seed)
        self.followers = [Follower(self.site, seed + wait, wait) for wait in (0, 2)]
        self.readers = [Looker(self.site) for _ in range(2)]
        self.clients = [self.author, *self.followers, *self.readers]
        self.seen: dict[str, Seen] = defaultdict(Seen)
        self.late: list[str] = []
        self.looked_at = 0
        for client in self.clients:
            client.start()
            stack.callback(client.end)

    def live_through(self, fault: Fault, seconds: float, pushes: int = 0) -> str:
        """Let a fault come and go, and hold everything; return what was seen.

        It lasts some seconds, and until so many pushes were taken in.
        """
        before, told, taken = self._counts(), len(self.author.seconds), len(self.author.taken)
        with fault.begins(self.site) as whom:
            time.sleep(seconds)
            wanted = taken + pushes
            until(lambda: len(self.author.taken) >= wanted, checks.PATIENCE, "pushes are taken in")
        ended = time.monotonic()
        recovery = checks.serves_after(self.site, ended)
        visible = self.check(ended)
        seen = self.seen[fault.name]
        seen.faults += 1
        seen.visible = max(seen.visible, visible)
        for name, took in recovery.items():
            seen.recovery = max(seen.recovery, took)
            self._bound(took, SERVES_AGAIN, f"{fault.name}: {name} served")
        deliveries = self.author.seconds[told:]
        for took, name, status in deliveries:
            seen.delivery = max(seen.delivery, took)
            self._bound(took, DELIVERED, f"{fault.name}: {name} answered a delivery ({status})")
        for name, now in self._counts().items():
            setattr(seen, name, getattr(seen, name) + max(0, now - before[name]))
        slowest = max((took for took, _, _ in deliveries), default=0.0)
        return (
            f"{whom + ', ' if whom else ''}{seconds:.0f} s: all serve after"
            f" {max(recovery.values()):.1f} s, the last push after {visible:.1f} s,"
            f" {len(deliveries)} deliveries, the longest {slowest:.1f} s"
        )

    def check(self, ended: float) -> float:
        """Hold everything while nobody pushes; return when the last push was visible."""
        if not self.author.gate.acquire(timeout=checks.PATIENCE):
            raise Faulty("a delivery is taken by nobody")
        try:
            self.author.push()
            checks.all_is_visible(self.site, self.author)
            visible = time.monotonic() - ended
            checks.copies_are_equal(self.site, self.author, self.followers)
            self.looked_at = checks.rows_hold(self.site, self.author, self.looked_at)
            checks.clients_are_well(self.clients)
        finally:
            self.author.gate.release()
        return visible

    def _bound(self, took: float, bound: float, what: str) -> None:
        if took > bound:
            self.late.append(f"{what} after {took:.1f} s (load {os.getloadavg()[0]:.1f})")

    def _counts(self) -> dict[str, int]:
        rows = self.site.query("SELECT max(id) AS syncs FROM catalog_sync_status")
        return {
            "deliveries": len(self.author.seconds),
            "refused": sum(status == 503 for _, _, status in self.author.seconds),
            "syncs": int(rows[0]["syncs"] or 0),
            "reads": sum(one.answers for one in self.readers),
            "unread": sum(one.refused for one in self.readers),
            "gone": sum(one.gone for one in self.followers),
        }

    def table(self) -> Iterator[str]:
        """Yield the lines of what was seen of each kind."""
        yield f"{'':<40}" + "".join(f"{head:>11}" for head in HEADS)
        for name, seen in self.seen.items():
            values = [getattr(seen, field.name) for field in fields(seen)]
            told = [f"{v:.1f} s" if isinstance(v, float) else str(v) for v in values]
            yield f"{name:<40}" + "".join(f"{one:>11}" for one in told)


def drawn(faults: list[Fault], draw: random.Random) -> Iterator[Fault]:
    """Yield each fault in random order, and again."""
    while True:
        yield from draw.sample(faults, len(faults))


@click.command()
@click.option("--seconds", default=7200.0, show_default=True, help="How long faults come and go.")
@click.option("--seed", default=None, type=int, help="Draw the faults that another run drew.")
@click.option("--only", default="", help="Only faults with this in their name.")
@click.option("--strict", is_flag=True, help="Fail also where only a bound in seconds is missed.")
def main(seconds: float, seed: int | None, only: str, strict: bool) -> None:
    """Let faults come and go, and say what was seen."""
    if os.geteuid() == 0 and PRIVATE not in os.environ:
        alone = ["unshare", "--mount", sys.executable, "-u", "-m", "tests.chaos", *sys.argv[1:]]
        os.execvpe(alone[0], alone, os.environ | {PRIVATE: "1"})
    seed = random.randrange(10**6) if seed is None else seed
    click.echo(f"--seed {seed}")
    with tempfile.TemporaryDirectory(prefix="chaos-", dir=MEMORY) as name, ExitStack() as stack:
        Path(name).chmod(0o755)
        stack.callback(unmount, Path(name))
        run = Run(Path(name), stack, seed)
        try:
            go_on(run, seconds, [one for one in FAULTS if only in one.name])
        except Faulty as faulty:
            _say_why(run, faulty)
            sys.exit(1)
        finally:
            for line in run.table():
                click.echo(line)
            for line in run.late:
                click.echo(f"late: {line}")
        click.echo(
            f"{len(run.author.commits)} pushes visible, every copy equal, {len(run.late)} late"
        )
    sys.exit(int(strict and bool(run.late)))


def go_on(run: Run, seconds: float, faults: list[Fault]) -> None:
    """Draw one fault after the other until the time is over."""
    usable = [one for one in faults if run.site.mounts or not one.needs_mounts]
    for one in set(faults) - set(usable):
        click.echo(f"not tried, for want of root: {one.name}")
    began = time.monotonic()
    checks.serves_after(run.site, began)
    for fault in drawn(usable, run.site.draw):
        if time.monotonic() > began + seconds:
            return
        longest = max(1.0, min(fault.longest, seconds * SHARE))
        lasts = run.site.draw.uniform(min(fault.shortest, longest), longest)
        click.echo(f"{time.monotonic() - began:5.0f} s  {fault.name}: ", nl=False)
        click.echo(run.live_through(fault, lasts))
        threading.Event().wait(QUIET)


def _say_why(run: Run, faulty: Faulty) -> None:
    click.echo(f"\nFAULTY: {faulty}", err=True)
    for machine in run.site.machines:
        click.echo("\n".join((f"-- {machine.name}", *machine.log[-40:])), err=True)


if __name__ == "__main__":
    main()
