"""What a sync may cost, and what becomes of one that costs more: it goes on where it was."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from paod.daemon.board import Board
from paod.daemon.pace import Pace
from paod.errors import SyncOverdue
from paod.model import ExaminedFile, SyncRequest
from paod.sync import Verdicts, run, steps
from paod.validate import Rules, examine
from tests.databases import on_each_database
from tests.origin import Origin
from tests.running import item
from tests.syncing import Paod

FILES = 12


@pytest.fixture
def origin(tmp_path: Path) -> Iterator[Origin]:
    with Origin(tmp_path) as origin:
        yield origin


class Slow:
    """A clock that each examined file moves on by a second, and a sync's time by that clock."""

    def __init__(self, paod: Paod, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        self.now = 0.0
        self.examined: list[str] = []
        self.paod = paod
        self.seconds = seconds
        self.folder = paod.folder / "verdicts"
        monkeypatch.setattr(steps, "examine", self.examine)
        self.begin()

    def examine(self, path: str, data: bytes, oid: str, rules: Rules) -> ExaminedFile:
        self.now += 1.0
        self.examined.append(path)
        return examine(path, data, oid, rules)

    def begin(self) -> None:
        """Begin with nothing in memory, as a worker does whose predecessor died."""
        self.pace = Pace(Board(), lambda: self.now)
        self.paod.start(
            verdicts=Verdicts(self.folder, lambda: self.now),
            note=self.pace.note,
            on_phase=self.pace.enter,
        )

    def attempt(self) -> str:
        if not self.paod.store.queue():
            self.paod.store.enqueue(SyncRequest("manual"))
        claimed = self.paod.store.claim()
        assert claimed is not None
        self.pace.begin(self.seconds)
        return run(claimed, self.paod.shop).reason


@on_each_database
def test_a_sync_that_costs_more_than_its_time_gets_nearer_with_each_attempt(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of each allows for five files of twelve; none is examined twice."""
    origin.write_all({f"catalog/things/t{n}.yaml": item(f"t{n}") for n in range(FILES)}).commit()
    paod = Paod(tmp_path / "state", origin)
    slow = Slow(paod, monkeypatch, 4.5)
    reasons = []
    for _ in range(4):
        reasons.append(slow.attempt())
        if reasons[-1] == "Succeeded":
            break
        slow.begin()
    assert reasons == ["DeadlineExceeded", "DeadlineExceeded", "Succeeded"]
    assert len(slow.examined) <= FILES + 2, "what waited to be written may be lost, no more"
    assert [one["status"] for one in paod.store.syncs(None, 9).rows] == [
        *("completed", "failed", "failed"),
    ]
    assert paod.store.cut_off_in_a_row() == 0
    assert not list((tmp_path / "state" / "verdicts").iterdir()), "what is applied is known"
    fresh = Paod(tmp_path / "fresh", origin)
    fresh.sync()
    assert fresh.shop.memory.stored.catalog.files == paod.shop.memory.stored.catalog.files


def test_what_is_over_its_time_keeps_its_place_and_merges_with_what_came_since(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.write_all({f"catalog/things/t{n}.yaml": item(f"t{n}") for n in range(FILES)}).commit()
    paod = Paod(tmp_path / "state", origin)
    slow = Slow(paod, monkeypatch, 4.5)
    assert slow.attempt() == "DeadlineExceeded"
    assert paod.store.cut_off_in_a_row() == 1
    (waiting,) = paod.store.queue()
    origin.clear().write("catalog/things/last.yaml", item("last")).commit("Remove them all")
    paod.store.enqueue(SyncRequest("webhook"))
    slow.seconds = 60.0
    slow.begin()
    assert slow.attempt() == "Succeeded"
    assert paod.store.sync(waiting["sync_id"])["status"] == "superseded"
    assert paod.store.queue() == []


def test_a_commit_that_costs_too_much_is_blocked_by_count_and_passed_over(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was seen before, and by whom: the verdict is the history's alone."""
    monkeypatch.setattr(steps, "MOST_WORK", int(3.5 * verdict("t1").units))
    first = {f"catalog/things/t{n}.yaml": item(f"t{n}") for n in range(3)}
    origin.write_all(first).commit()
    paod = Paod(tmp_path / "state", origin)
    assert paod.sync().reason == "Succeeded"
    moved = {f"catalog/things/u{n}.yaml": item(f"u{n}") for n in range(3)}
    big = origin.write_all(moved).write("catalog/things/v.yaml", item("v")).commit()
    for _ in range(2):
        blocked = paod.sync()
        assert (blocked.status, blocked.reason) == ("blocked", "TooCostly")
    assert Paod(tmp_path / "fresh", origin).sync().reason == "TooCostly"
    assert paod.sync(SyncRequest("manual", mode="full")).reason == "TooCostly"
    origin.remove("catalog/things/v.yaml").remove("catalog/things/u2.yaml").commit()
    for one in (paod, Paod(tmp_path / "later", origin)):
        done = one.sync()
        assert (done.status, done.to_commit) == ("completed", origin.head)
        assert sorted(one.shop.memory.stored.catalog.files) == [
            f"catalog/things/{name}.yaml" for name in ("t0", "t1", "t2", "u0", "u1")
        ]
    assert big not in str(paod.store.syncs(None, 1).rows)


def test_known_files_cost_a_commit_what_they_cost_the_first_time(
    origin: Origin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From memory or from the database: else the verdict would depend on who looked before."""
    origin.write("catalog/things/one.yaml", item("one")).commit()
    paod = Paod(tmp_path / "state", origin)
    paod.sync()
    units = paod.store.load().catalog.files["catalog/things/one.yaml"].file.units
    assert units == verdict("one").units > 0
    monkeypatch.setattr(steps, "MOST_WORK", units - 1)
    origin.clear().commit(
        "Remove it",
    )
    back = origin.write("catalog/things/one.yaml", item("one")).commit("Bring it back")
    assert Paod(tmp_path / "fresh", origin).sync().reason == "TooCostly"
    assert paod.sync().reason == "TooCostly"
    assert paod.store.commit_state(back) == "blocked"


# verdicts

RULES = Rules()
Make = Callable[[], Verdicts]


@pytest.fixture
def kept(tmp_path: Path) -> Verdicts:
    verdicts = Verdicts(tmp_path / "verdicts", iter(range(0, 1000, 3)).__next__)
    verdicts.begin("a")
    return verdicts


def verdict(name: str, oid: str = "1" * 40) -> ExaminedFile:
    return examine(f"catalog/things/{name}.yaml", item(name).encode(), oid, RULES)


def test_a_verdict_comes_back_as_it_was(tmp_path: Path, kept: Verdicts) -> None:
    good, bad = verdict("one"), examine("catalog/x.yaml", b"name: [", "2" * 40, RULES)
    kept.put("catalog/things/one.yaml", good)
    kept.put("catalog/x.yaml", bad)
    later = Verdicts(tmp_path / "verdicts")
    later.begin("a")
    assert later.get("catalog/things/one.yaml", good.oid) == good
    assert later.get("catalog/x.yaml", bad.oid) == bad
    assert later.get("catalog/things/one.yaml", bad.oid) is None
    later.clear()
    assert later.get("catalog/x.yaml", bad.oid) is None
    assert list((tmp_path / "verdicts").iterdir()) == []


def test_what_was_found_by_other_rules_is_deleted(tmp_path: Path, kept: Verdicts) -> None:
    kept.put("catalog/things/one.yaml", verdict("one"))
    later = Verdicts(tmp_path / "verdicts")
    later.begin("b")
    assert later.get("catalog/things/one.yaml", "1" * 40) is None
    assert list((tmp_path / "verdicts").iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "changed", "junk", "swapped while open"])
def test_a_damaged_verdict_is_found_again(tmp_path: Path, kept: Verdicts, damage: str) -> None:
    for name in ("one", "two"):
        kept.put(f"catalog/things/{name}.yaml", verdict(name))
    (file,) = (tmp_path / "verdicts").iterdir()
    later = Verdicts(tmp_path / "verdicts")
    raw = file.read_bytes()
    if damage == "swapped while open":
        later.begin("a")
    changed = {
        "cut": raw[:-9],
        "changed": raw.replace(b'"two', b'"tow'),
        "junk": raw.replace(raw.splitlines(keepends=True)[1], b"\xff\x00\n"),
        "swapped while open": raw[: len(raw) // 2],
    }
    file.write_bytes(changed[damage])
    if damage != "swapped while open":
        later.begin("a")
    assert later.get("catalog/things/two.yaml", "1" * 40) is None
    assert later.get("catalog/things/one.yaml", "1" * 40) == verdict("one")


@pytest.mark.parametrize("said", [b"[]", b"{}", b'["x", null]', b'["x", ["1", "one"]]', b"null"])
def test_a_verdict_in_another_releases_form_is_found_again(
    tmp_path: Path, kept: Verdicts, said: bytes
) -> None:
    """It is whole, by the same rules, and says nothing to this one: no sync may fail of it."""
    kept.put("catalog/things/one.yaml", verdict("one"))
    (file,) = (tmp_path / "verdicts").iterdir()
    other = hashlib.sha256(said).hexdigest()[:16].encode() + b" " + said + b"\n"
    file.write_bytes(other + file.read_bytes())
    later = Verdicts(tmp_path / "verdicts")
    later.begin("a")
    assert later.get("catalog/things/one.yaml", "1" * 40) == verdict("one")


def test_verdicts_are_bounded_on_disk_and_in_memory(
    tmp_path: Path, kept: Verdicts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paod.sync.verdicts.KEPT_VERDICTS", 5000)
    monkeypatch.setattr("paod.sync.verdicts.REMEMBERED_VERDICTS", 5000)
    for number in range(50):
        kept.put(f"catalog/things/t{number}.yaml", verdict(f"t{number}"))
    (file,) = (tmp_path / "verdicts").iterdir()
    assert file.stat().st_size < 7000
    assert sum(size for _, size in kept._near.values()) <= 5000
    assert kept.get("catalog/things/t0.yaml", "1" * 40) is not None, "the first ones stay"


def test_a_full_disk_costs_the_verdicts_and_not_the_sync(tmp_path: Path) -> None:
    (tmp_path / "verdicts").write_text("in the way")
    verdicts = Verdicts(tmp_path / "verdicts", iter(range(0, 1000, 3)).__next__)
    verdicts.begin("a")
    verdicts.put("catalog/things/one.yaml", verdict("one"))
    assert verdicts.get("catalog/things/one.yaml", "1" * 40) == verdict("one")


def test_a_short_sync_writes_nothing(tmp_path: Path) -> None:
    verdicts = Verdicts(tmp_path / "verdicts", lambda: 1.0)
    verdicts.begin("a")
    verdicts.put("catalog/things/one.yaml", verdict("one"))
    assert not (tmp_path / "verdicts").exists()


# time


def test_the_time_of_a_fetch_is_not_the_syncs() -> None:
    now = [0.0]
    pace = Pace(Board(), lambda: now[0])
    pace.begin(10.0)
    pace.enter("fetch", 60.0)
    now[0] = 500.0
    pace.enter("fold")
    now[0] = 509.0
    pace.note("1" * 40, "catalog/a/x.yaml")
    now[0] = 511.0
    with pytest.raises(SyncOverdue):
        pace.note("", "")
