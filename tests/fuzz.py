"""Throws made and damaged documents at paod: ``python -m tests.fuzz --inputs 1000000 --jobs 2``.

Each round makes one good document, which must be accepted without a word, and damages it in its
structure and in its bytes, which must give a verdict and no traceback. ``paod fmt`` must leave the
content of each as it is. The suite plays the same rounds, fewer of them.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random

import click

from paod.document import decode, read
from paod.document.layout import lay_out
from paod.schema import rank
from paod.validate import Rules, examine
from tests.made import damaged, document, rendered, torn
from tests.test_validate import sound

INPUTS = 5
"""Inputs of a round: one good, two damaged in their structure, two in their bytes."""

ROUNDS = 500
"""Rounds that one process plays before it reports."""


def inputs(seed: int) -> Iterator[bytes]:
    """Yield the inputs of one round, the good one first."""
    chance = Random(seed)
    value = document(chance)
    good = rendered(value, chance)
    yield good
    for _ in range(2):
        yield rendered(damaged(value, chance), chance)
        yield torn(good, chance)


def play(seed: int) -> Counter[str]:
    """Play one round; AssertionError: paod did what it must not. Returns the codes it found."""
    found: Counter[str] = Counter()
    for number, data in enumerate(inputs(seed)):
        try:
            file = examine("catalog/databases/doc.yaml", data, "", Rules())
            sound(file)
            codes = [problem.code for problem in file.problems]
            assert number or not codes, file.problems
            found.update(codes or ["accepted"])
            if number in (0, 4):
                _lay_out(data)
        except Exception as error:
            name = f"fuzz-{seed}-{number}.yaml"
            Path(name).write_bytes(data)
            raise AssertionError(
                f"round {seed}, input {number}, kept in {name}: {error}"
            ) from error
    return found


def _lay_out(data: bytes) -> None:
    text = decode(data)
    new = lay_out(text, rank) if isinstance(text, str) else None
    if new is not None and isinstance(text, str):
        assert read(new).value == read(text).value
        assert lay_out(new, rank) == new


def play_some(first: int) -> Counter[str]:
    """Play ``ROUNDS`` rounds from a seed on."""
    return sum((play(seed) for seed in range(first, first + ROUNDS)), Counter())


@click.command()
@click.option("--inputs", "count", default=1_000_000, show_default=True)
@click.option("--seed", default=0, show_default=True, help="The first round.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default=True)
def main(count: int, seed: int, jobs: int) -> None:
    """Play rounds until so many inputs were tried; the first that fails ends it."""
    firsts = range(seed, seed + count // INPUTS, ROUNDS)
    found: Counter[str] = Counter()
    with ProcessPoolExecutor(jobs) as pool:
        for done, some in enumerate(pool.map(play_some, firsts), start=1):
            found += some
            click.echo(f"\r{done * ROUNDS * INPUTS:,} inputs", nl=False, err=True)
    click.echo(f"\n{len(firsts) * ROUNDS * INPUTS:,} inputs, no fault found")
    for code, times in found.most_common():
        click.echo(f"{times:>10,} {code}")


if __name__ == "__main__":
    main()
