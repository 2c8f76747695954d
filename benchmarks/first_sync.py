"""An empty database to a whole catalog, against the script that one would write first."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.made import repository

NAIVE = """
import hashlib, json, pathlib, sqlite3, subprocess, sys, yaml
source, folder = sys.argv[1:]
subprocess.run(["git", "clone", "-q", source, folder + "/tree"], check=True)
database = sqlite3.connect(folder + "/naive.db")
database.execute("create table items (name primary key, version, content, hash)")
for path in pathlib.Path(folder, "tree").rglob("catalog/**/*.yaml"):
    data = path.read_bytes()
    found = yaml.safe_load(data)
    assert found["name"] and found["version"] and found["presentation"] and found["fulfillment"]
    row = (found["name"], found["version"], json.dumps(found), hashlib.sha256(data).hexdigest())
    database.execute("insert into items values (?, ?, ?, ?)", row)
database.commit()
"""


def main() -> None:
    """Run both as whole processes and print the seconds and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        bare = repository(Path(name), given.files)
        ours = min(paod(bare) for _ in range(given.runs))
        naive = min(script(bare) for _ in range(given.runs))
    print(f"first sync of {given.files} files, best of {given.runs}, whole processes:")
    print(f"  paod sync {ours:.2f} s, naive script {naive:.2f} s, ratio {ours / naive:.2f}")


def paod(bare: Path) -> float:
    """Return the seconds of ``paod sync`` into an empty state folder."""
    with tempfile.TemporaryDirectory() as state:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": state,
            "PAO_REPO_URL": f"file://{bare}",
            "PAO_STATE_DIR": state,
        }
        return timed([sys.executable, "-m", "paod", "sync"], environment)


def script(bare: Path) -> float:
    """Return the seconds of the naive script; it checks four keys and keeps no history."""
    with tempfile.TemporaryDirectory() as folder:
        return timed([sys.executable, "-c", NAIVE, str(bare), folder], dict(os.environ))


def timed(command: list[str], environment: dict[str, str]) -> float:
    """Run a command and return its seconds."""
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
