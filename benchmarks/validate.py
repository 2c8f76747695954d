"""``paod validate`` of a whole checkout, against reading its files with PyYAML and no check."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.made import commit, document, path, repository

NAIVE = """
import pathlib, sys, yaml
for path in pathlib.Path(sys.argv[1]).rglob("*.yaml"):
    found = yaml.safe_load(path.read_bytes())
    assert found["name"] and found["version"] and found["presentation"] and found["fulfillment"]
"""
PAOD = [sys.executable, "-m", "paod", "validate"]


def main() -> None:
    """Run whole processes and print the seconds of each, and files a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        work = checkout(Path(name), given.files)
        runs = {
            "paod validate": [*PAOD, str(work)],
            "paod validate --changed --base origin/main~1": [
                *(*PAOD, "--changed", "--base", "origin/main~1", str(work))
            ],
            "paod validate, one file": [*PAOD, str(work / path(0))],
            "yaml.safe_load alone": [sys.executable, "-c", NAIVE, str(work)],
        }
        cores = len(os.sched_getaffinity(0))
        print(f"{given.files} files on {cores} cores, best of {given.runs}, whole processes:")
        for what, command in runs.items():
            seconds = min(timed(command) for _ in range(given.runs))
            print(f"  {what:<46}{seconds:6.2f} s")


def checkout(folder: Path, files: int) -> Path:
    """Make a clone of so many documents, whose last commit changed ten of them."""
    bare = repository(folder, files)
    commit(bare, {path(number): document(number, 1) for number in range(10)})
    work = folder / "work"
    subprocess.run(["git", "clone", "-q", str(bare), str(work)], check=True)
    return work


def timed(command: list[str]) -> float:
    """Return the seconds that a command takes; it must succeed."""
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
