"""From webhook to visible: one changed file among many, until the API serves it."""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
import uuid
from pathlib import Path

from benchmarks.made import commit, document, path, repository
from benchmarks.served import Served, serve


def main() -> None:
    """Push one-file changes one after the other and print how long each took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--pushes", type=int, default=40)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        bare = repository(folder, given.files)
        with serve(folder, bare) as served:
            spent = [one_push(served, patch) for patch in range(1, given.pushes + 1)]
    spent.sort()
    slow = spent[int(len(spent) * 0.95)]
    print(f"from webhook to visible, one changed file among {given.files}, {len(spent)} pushes:")
    print(f"  median {1000 * statistics.median(spent):.0f} ms, 95 % within {1000 * slow:.0f} ms,")
    print(f"  slowest {1000 * spent[-1]:.0f} ms")


def one_push(served: Served, patch: int) -> float:
    """Commit one change, send its webhook, ask until it is served; return the seconds between."""
    number = patch * 7
    before = commit_of(served.repository)
    after = commit(served.repository, {path(number): document(number, patch)})
    started = time.perf_counter()
    served.push(before, after, path(number), str(uuid.uuid4()))
    while served.get(f"/api/v1/catalog/items/made-{number:05}")[1]["version"] != f"1.0.{patch}":
        if time.perf_counter() - started > 60:
            raise SystemExit("not visible after a minute")
        time.sleep(0.002)
    return time.perf_counter() - started


def commit_of(bare: Path) -> str:
    """Return the branch's commit as the repository's own files tell it."""
    return (bare / "refs" / "heads" / "main").read_text().strip()


if __name__ == "__main__":
    main()
