"""From a save to the answer of ``paod watch``: one file among many, written in every usual way."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.made import document, path

Save = Callable[[Path, str], None]


def in_place(file: Path, text: str) -> None:
    """Cut the file off and write it anew, as nano does."""
    file.write_text(text)


def by_rename(file: Path, text: str) -> None:
    """Write a file beside it and rename that over it, as many editors do."""
    beside = file.with_name(f".{file.name}.tmp")
    beside.write_text(text)
    beside.rename(file)


def with_backup(file: Path, text: str) -> None:
    """Move the old file aside, write a new one, remove the old one, as Vim may."""
    backup = file.with_name(f"{file.name}~")
    file.rename(backup)
    file.write_text(text)
    backup.unlink()


SAVES: tuple[Save, ...] = (in_place, by_rename, with_backup)


def main() -> None:
    """Save files one after the other and print how long each answer took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=1_000)
    parser.add_argument("--saves", type=int, default=60)
    parser.add_argument("--serve", action="store_true", help="wait for the API's answer too")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number in range(given.files):
            file = folder / path(number)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(document(number))
        with watching(folder, serve=given.serve) as lines:
            port = port_of(next(lines)["api"])
            assert next(lines)["checked"] == given.files
            spent = [
                one_save(folder, lines, port, given.files, patch)
                for patch in range(1, given.saves + 1)
            ]
    spent.sort()
    slow = spent[int(len(spent) * 0.95)]
    until = "until the API serves it" if given.serve else "to the answer"
    print(f"from a save {until}, one file among {given.files}, {len(spent)} saves:")
    print(f"  median {1000 * statistics.median(spent):.0f} ms, 95 % within {1000 * slow:.0f} ms,")
    print(f"  slowest {1000 * spent[-1]:.0f} ms")


def one_save(folder: Path, lines: Iterator[Any], port: int | None, files: int, patch: int) -> float:
    """Save one file, every second one with a fault in it; return the seconds to the answer."""
    number = patch * 7 % files
    broken = port is None and patch % 2 == 0
    text = document(number, patch).replace(
        "type: boolean", "type: bolean" if broken else "type: boolean"
    )
    SAVES[patch % len(SAVES)](folder / path(number), text)
    began = time.perf_counter()
    told = next(lines)
    assert told["changed"] == [path(number)], told["changed"]
    assert any(one["path"] == path(number) for one in told["problems"]) == broken
    if port is not None:
        while version_of(port, number) != f"1.0.{patch}":
            assert time.perf_counter() - began < 60
    return time.perf_counter() - began


def version_of(port: int, number: int) -> Any:
    """Ask the API for the version of an item."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", f"/api/v1/catalog/items/made-{number:05}")
    version = json.loads(connection.getresponse().read())["version"]
    connection.close()
    return version


def port_of(address: str | None) -> int | None:
    """Return the port of what is served, if anything is."""
    return None if address is None else int(address.rpartition(":")[2])


@contextmanager
def watching(folder: Path, *, serve: bool) -> Iterator[Iterator[Any]]:
    """Run ``paod watch`` on a folder; the value yields what it tells."""
    command = [sys.executable, "-m", "paod", "watch", str(folder), "--json"]
    command += ["--serve", "--port", "0"] if serve else []
    process = subprocess.Popen(
        command, env={"PATH": os.environ["PATH"]}, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield map(json.loads, process.stdout)
    finally:
        process.terminate()
        process.communicate(timeout=10)


if __name__ == "__main__":
    main()
