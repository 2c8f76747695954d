"""``paod watch`` as its user has it: a real process, and files written in every way there is."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import Request

import pytest

from paod.cli import main
from paod.cli.watching import _Told
from paod.errors import SettingsError
from paod.watch.looks import Look
from tests.running import item
from tests.watching import PATIENCE, ROOT, Watching

Shown = pytest.CaptureFixture[str]

A, B = "catalog/databases/a.yaml", "catalog/databases/b.yaml"
BROKEN = item("a").replace("type: string", "type: strng")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    put(folder, A, item("a"))
    put(folder, B, item("b"))
    return folder


def put(folder: Path, path: str, text: str) -> Path:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.fixture
def watching(folder: Path) -> Iterator[Watching]:
    watching = Watching(folder)
    yield watching
    watching.kill()


def codes(told: dict[str, object]) -> list[str]:
    found = told["problems"]
    assert isinstance(found, list)
    return [problem["code"] for problem in found]


def in_place(file: Path, text: str) -> None:
    file.write_text(text)


def by_rename(file: Path, text: str) -> None:
    beside = file.with_name(f".{file.name}.kate-swp")
    beside.write_text(text)
    beside.replace(file)


def from_elsewhere(file: Path, text: str) -> None:
    elsewhere = file.parents[3] / "tmp-file"
    elsewhere.write_text(text)
    elsewhere.replace(file)


def with_backup_and_swap_file(file: Path, text: str) -> None:
    """As Vim does: a swap file all the time, a probe, the old file moved aside, a new one."""
    swap, probe, backup = (file.with_name(name) for name in (".a.yaml.swp", "4913", "a.yaml~"))
    swap.write_bytes(b"b0VIM")
    probe.touch()
    probe.unlink()
    file.rename(backup)
    file.write_text(text)
    backup.unlink()
    swap.unlink()


def with_lock_and_link(file: Path, text: str) -> None:
    """As Emacs does: a lock that is a link to nowhere, a backup that is kept."""
    lock = file.with_name(f".#{file.name}")
    lock.symlink_to("somebody@example.com.4711")
    shutil.copyfile(file, file.with_name(f"{file.name}~"))
    file.write_text(text)
    lock.unlink()


def cut_off_and_slow(file: Path, text: str) -> None:
    with file.open("w") as opened:
        for line in text.splitlines(keepends=True):
            opened.write(line)
            opened.flush()
            time.sleep(0.005)


def removed_and_made_anew(file: Path, text: str) -> None:
    file.unlink()
    file.write_text(text)


def with_a_hard_link(file: Path, text: str) -> None:
    beside = file.with_name("#a.yaml#")
    beside.write_text(text)
    file.unlink()
    os.link(beside, file)
    beside.unlink()


def mapped_with_old_times(file: Path, text: str) -> None:
    """As a tool that keeps time stamps does."""
    file.write_text(text)
    os.utime(file, (1, 1))


SAVES: list[Callable[[Path, str], None]] = [
    in_place,
    by_rename,
    from_elsewhere,
    with_backup_and_swap_file,
    with_lock_and_link,
    cut_off_and_slow,
    removed_and_made_anew,
    with_a_hard_link,
    mapped_with_old_times,
]


def test_every_way_of_saving(watching: Watching, folder: Path) -> None:
    assert (watching.first["checked"], watching.first["problems"]) == (2, [])
    for save in SAVES:
        save(folder / A, BROKEN)
        told = watching.told_of(A)
        while codes(told) != ["unknown-type"]:  # it was looked at in the middle
            told = watching.told_of(A)
        assert told["checked"] == 2, save
        save(folder / A, item("a"))
        while codes(told):
            told = watching.told_of(A)
    assert watching.told_nothing_more()
    assert watching.end() == (0, "")


def test_what_files_say_of_each_other(watching: Watching, folder: Path) -> None:
    """Told is the whole checkout: the second file's problem when the first is saved."""
    put(folder, A, item("b"))
    told = watching.told_of(A)
    assert [(one["code"], one["path"]) for one in told["problems"]] == [
        ("path-mismatch", A),
        ("duplicate-name", B),
    ]
    put(folder, A, item("a").replace("tags:", "dependencies: [b]\ntags:"))
    assert codes(watching.told_of(A)) == []
    (folder / B).unlink()
    told = watching.told_of(B)
    assert [(one["code"], one["path"]) for one in told["problems"]] == [("unknown-reference", A)]


def test_folders_come_and_go(watching: Watching, folder: Path, tmp_path: Path) -> None:
    put(folder, "catalog/network/deep/c.yaml", item("c"))
    assert watching.told_of("catalog/network/deep/c.yaml")["checked"] == 3
    put(folder, "catalog/network/deep/d.yaml", item("d"))
    watching.told_of("catalog/network/deep/d.yaml")
    (folder / "catalog" / "network").rename(tmp_path / "network")
    gone = {"catalog/network/deep/c.yaml", "catalog/network/deep/d.yaml"}
    assert watching.told_of(*gone)["checked"] == 2
    (tmp_path / "network").rename(folder / "catalog" / "stores")
    back = {"catalog/stores/deep/c.yaml", "catalog/stores/deep/d.yaml"}
    assert watching.told_of(*back)["checked"] == 4


def test_the_watched_folder_is_replaced(watching: Watching, folder: Path, tmp_path: Path) -> None:
    """The catalog, then the checkout itself: removed, made anew, exchanged for another."""
    shutil.rmtree(folder / "catalog")
    assert watching.told_of(A, B)["checked"] == 0
    put(folder, A, item("a"))
    assert watching.told_of(A)["checked"] == 1
    folder.rename(tmp_path / "old")
    put(tmp_path / "new", B, item("b"))
    (tmp_path / "new").rename(folder)
    assert watching.told_of(A, B)["checked"] == 1
    put(folder, B, item("b").replace("An item", "Changed"))
    watching.told_of(B)


def git(folder: Path, *words: str) -> None:
    name = ("-c", "user.name=An Author", "-c", "user.email=author@example.com")
    subprocess.run(["git", "-C", str(folder), *name, *words], check=True, capture_output=True)


def test_a_change_of_branch_is_one_round(tmp_path: Path) -> None:
    folder = tmp_path / "work"
    paths = [f"catalog/made-{number % 10}/d{number}.yaml" for number in range(1_000)]
    for number, path in enumerate(paths):
        put(folder, path, f"name: d{number}\n")
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "all")
    git(folder, "switch", "-q", "--orphan", "other")
    watching = Watching(folder)
    try:
        assert watching.first["checked"] == 0
        git(folder, "switch", "-q", "main")
        told = watching.told()
        assert (told["changed"], told["checked"]) == (sorted(paths), 1_000)
        assert watching.told_nothing_more()
    finally:
        watching.kill()


def test_the_kernels_queue_overflows(watching: Watching, folder: Path) -> None:
    """What is saved when the queue is full nobody is told of, and it is found all the same."""
    longest = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    if longest > 100_000:
        pytest.skip("this machine's queue is too long to fill")
    watching.process.send_signal(signal.SIGSTOP)
    for number in range(longest + 1):
        os.utime(folder / (A, B)[number % 2])
    put(folder, "catalog/new/c.yaml", item("c"))
    put(folder, A, BROKEN)
    watching.process.send_signal(signal.SIGCONT)
    assert codes(watching.told_of(A, "catalog/new/c.yaml")) == ["unknown-type"]
    put(folder, "catalog/new/c.yaml", BROKEN)
    watching.told_of("catalog/new/c.yaml")
    assert watching.end() == (0, "")


def test_it_says_what_validate_says(
    watching: Watching, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a row of saves, whatever the order they came in."""
    put(folder, A, item("z"))
    put(folder, "catalog/databases/0.yaml", item("z"))
    put(folder, "catalog/databases/link.yaml", "").unlink()
    (folder / "catalog" / "databases" / "link.yaml").symlink_to("b.yaml")
    put(folder, "catalog/Bad Name/c.yaml", item("c").replace("tags:", "dependencies: [c]\ntags:"))
    put(folder, "catalog/databases/empty.yaml", "")
    put(folder, "catalog/README.md", "# no document")
    told = watching.told()
    while told["checked"] < 6:
        told = watching.told()
    main(["validate", "--json", str(folder)])
    said = json.loads(capsys.readouterr().out)
    assert said == {"checked": told["checked"], "problems": told["problems"]}
    assert len(said["problems"]) >= 4


def test_an_empty_folder_is_a_place_to_begin(tmp_path: Path) -> None:
    watching = Watching(tmp_path)
    try:
        assert watching.first == {"changed": [], "checked": 0, "problems": []}
        put(tmp_path, A, item("a"))
        assert watching.told_of(A)["checked"] == 1
    finally:
        watching.kill()


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (
            None,
            ["0 documents checked: no problems", "  they lie at catalog/<category>/<name>.yaml;"],
        ),
        (SettingsError("catalog/a cannot be read"), []),
    ],
    ids=["empty", "unreadable"],
)
def test_nothing_found_is_no_praise(
    trouble: SettingsError | None, said: list[str], tmp_path: Path, capsys: Shown
) -> None:
    _Told(tmp_path, "catalog", None, as_json=False)._take(Look({}, 0, (), trouble))
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert len(lines) == len(said)
    assert all(line.startswith(start) for line, start in zip(lines, said, strict=True))
    assert ("cannot be read; watching goes on" in shown.err) == (trouble is not None)


def test_for_people_it_shows_the_line_and_the_remedy(folder: Path) -> None:
    put(folder, A, BROKEN)
    process = subprocess.Popen(
        [sys.executable, "-m", "paod", "watch", str(folder / A)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        said = list(iter(process.stdout.readline, "2 documents checked: 1 error\n"))
        assert said[0] == f"watching {folder / 'catalog'}, Ctrl-C ends it\n"
        assert said[1].startswith(f"{A}:8:26: error[unknown-type]: 'strng'")
        assert "strng" in said[2]
        assert said[-1] == "    hint: did you mean 'string'?\n"
        put(folder, A, item("a"))
        said = list(iter(process.stdout.readline, "2 documents checked: no problems\n"))
        assert said[0] == "\n"
        assert re.fullmatch(rf"\d\d:\d\d:\d\d {re.escape(A)}\n", said[-1])
    finally:
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0


@pytest.fixture
def serving(folder: Path, tmp_path: Path) -> Iterator[Watching]:
    (tmp_path / "tmp").mkdir()
    serving = Watching(folder, "--serve", "--port", "0", home=tmp_path / "tmp")
    yield serving
    serving.kill()


def test_the_working_tree_is_served(serving: Watching, folder: Path, tmp_path: Path) -> None:
    listed = serving.get("catalog/items")[1]["items"]
    assert [one["name"] for one in listed] == ["a", "b"]
    put(folder, A, item("a").replace("An item", "Edited"))
    serving.told_of(A)
    assert serving.get("catalog/items/a")[1]["description"] == "Edited"
    put(folder, A, BROKEN)
    serving.told_of(A)
    found = serving.get("catalog/items/a")[1]
    assert (found["description"], found["stale"]["problems"]) == ("Edited", 1)
    problems = serving.get("admin/catalog/validation-errors")[1]["validation_errors"]
    assert [(one["code"], one["path"]) for one in problems] == [("unknown-type", A)]
    (folder / A).rename(folder / "catalog" / "databases" / "z.yaml")
    put(folder, "catalog/databases/z.yaml", item("z").replace("tags:", "renamed_from: a\ntags:"))
    serving.told_of(A, "catalog/databases/z.yaml")
    (folder / B).unlink()
    serving.told_of(B)
    assert serving.get("catalog/items/b")[0] == 410
    versions = serving.get("catalog/items/z/versions")[1]["versions"]
    assert [one["change"] for one in versions] == ["renamed", "changed", "added"]
    assert serving.get("admin/catalog/validation-errors")[1]["validation_errors"] == []
    status = serving.get("admin/catalog/sync/status")[1]
    assert (status["last"]["trigger"], status["stale"], status["queued"]) == ("watch", False, [])
    assert serving.get("health")[1]["status"] == "ok"
    assert list((tmp_path / "tmp").iterdir())
    assert serving.end(signal.SIGTERM) == (0, "")
    assert not list((tmp_path / "tmp").iterdir())


def test_what_is_served_takes_orders_as_far_as_it_can(serving: Watching) -> None:
    """A sync is another look; there are no commits to go to. It never leaves anybody waiting."""
    status, synced = serving.post("admin/catalog/sync?wait=20", {})
    assert (status, synced["status"], synced["reason"]) == (200, "completed", "UpToDate")
    order = {"commit": "abcdef1", "reason": "to see"}
    status, refused = serving.post("admin/catalog/rollback?wait=20", order)
    assert (refused["status"], refused["reason"]) == ("failed", "WorkingTree")
    checked = serving.post("catalog/items/a/validate", {"parameters": {"size": 3}})[1]
    assert not checked["valid"]


def test_only_this_machine_is_served(serving: Watching) -> None:
    assert serving.api is not None
    assert serving.api.startswith("http://127.0.0.1:")
    assert serving.get("catalog/items", host="rebound.example.com")[0] == 403
    assert serving.get("catalog/items", host="localhost:80")[0] == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example.com"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://localhost.evil.example.com"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Content-Type": "text/plain"}, 415),
        ({"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ({"Content-Type": ""}, 415),
        ({"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}, 200),
        ({"Content-Type": "application/json; charset=utf-8"}, 200),
    ],
)
def test_a_page_from_elsewhere_is_not_obeyed(
    serving: Watching, headers: dict[str, str], status: int
) -> None:
    body = json.dumps({"revision": 1, "reason": "a page's"}).encode()
    url = f"{serving.api}/api/v1/admin/catalog/items/a/pin"
    given = {"Content-Type": "application/json"} if "Content-Type" not in headers else {}
    answer, _ = serving.ask(Request(url, body, {**given, **headers}))
    assert answer == status
    if status != 200:
        assert serving.get("catalog/items/a")[1]["revision"] == 1


def test_a_page_of_its_own_may_ask(serving: Watching) -> None:
    headers = {"Origin": str(serving.api), "Content-Type": "application/json"}
    url = f"{serving.api}/api/v1/admin/catalog/sync?wait=20"
    assert serving.ask(Request(url, b"{}", headers))[0] == 200


def test_what_cannot_be_watched_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["watch", str(tmp_path / "nowhere")]) == 2
    assert "does not exist" in capsys.readouterr().err
