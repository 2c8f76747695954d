"""A database that went back: what was told of it counts no more, and nobody has to help."""

from __future__ import annotations

import logging
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paod.api.told import Told, look_back
from paod.database import SQLiteDatabase
from paod.errors import StoreUnavailable
from paod.model import Edition
from tests.databases import on_each_database
from tests.postgres import program, shared_server
from tests.served import Served, item, problem

pytestmark = on_each_database

FEED = "/catalog/changes"


class Follower:
    """A client that keeps a copy as the docs say: two values, both sent."""

    def __init__(self, served: Served) -> None:
        self.served = served
        self.read_whole()

    def read_whole(self) -> None:
        self.copy: dict[str, Any] = {}
        pages = list(self._pages("/catalog/items?limit=2"))
        for page in pages:
            self.copy |= {row["name"]: self._entry(row["name"]) for row in page["items"]}
        self.generation, self.epoch = pages[0]["generation"], pages[-1]["epoch"]

    def catch_up(self) -> int:
        """Follow the feed; return how often it had to read everything."""
        asked = f"{FEED}?since={self.generation}&epoch={self.epoch}&limit=2"
        try:
            pages = list(self._pages(asked))
        except Gone:
            self.read_whole()
            return 1
        for row in [row for page in pages for row in page["changes"]]:
            self.copy.pop(row["renamed_from"], None)
            self.copy.pop(row["name"], None)
            if row["change"] != "removed":
                self.copy[row["name"]] = self._entry(row["name"])
        self.generation, self.epoch = pages[-1]["generation"], pages[-1]["epoch"]
        return 0

    def _pages(self, path: str) -> Iterator[Any]:
        cursor = ""
        while True:
            answer = self.served.get(path + cursor)
            if answer.status_code == 410:
                raise Gone
            yield answer.json
            if not answer.json["pagination"]["has_more"]:
                return
            cursor = f"&cursor={answer.json['pagination']['next_cursor']}"

    def _entry(self, name: str) -> Any:
        body = self.served.get(f"/catalog/items/{name}").json
        return {key: body.get(key) for key in ("description", "revision", "content_hash")}


class Gone(Exception):
    """The feed answered 410."""


def path_of(name: str) -> str:
    return f"catalog/things/{name}.yaml"


def push(served: Served, name: str, said: str) -> int:
    return served.push({path_of(name): item(name, description=said)})


@pytest.fixture(name="place")
def _place(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path)
    yield place
    place.close()


class Place:
    """An installation whose database can be kept aside and put back, as an operator does it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "told").mkdir()
        self.served = self.start()
        self.kept = folder / "kept"

    def start(self) -> Served:
        """Start a daemon's worth of it, which looks back as a daemon does."""
        served = Served(self.folder, told=self.folder / "told" / "api-0")
        look_back(served.store, self.folder / "told")
        return served

    def another(self) -> Served:
        """Return another machine's daemon on the same database."""
        return Served(self.folder)

    def stop(self) -> None:
        self.served.store.close()

    def keep(self) -> None:
        if isinstance(self.served.store.database, SQLiteDatabase):
            self.served.store.database.vacuum_into(self.kept)
            return
        schema = self.served.settings.db_url.rpartition("%3D")[2]
        command = [program("pg_dump"), "--format=custom", f"--schema={schema}"]
        command += [f"--file={self.kept}", shared_server().url()]
        subprocess.run(command, check=True)

    def put_back(self) -> None:
        if isinstance(self.served.store.database, SQLiteDatabase):
            new = self.folder / "new"
            shutil.copyfile(self.kept, new)
            new.replace(self.folder / "paod.db")
            for suffix in ("-wal", "-shm"):
                (self.folder / f"paod.db{suffix}").unlink(missing_ok=True)
            return
        command = [program("pg_restore"), "--clean", "--if-exists"]
        command += [f"--dbname={shared_server().url()}", str(self.kept)]
        subprocess.run(command, check=True)

    def close(self) -> None:
        self.stop()


def went_back(served: Served) -> Any:
    return served.get("/admin/catalog/sync/status").json["went_back"]


@pytest.mark.parametrize("running", [False, True], ids=["stopped", "running"])
@pytest.mark.parametrize("regrown", [0, 1, 2, 3])
def test_a_database_that_is_put_back_is_never_taken_for_what_it_was(
    place: Place, caplog: pytest.LogCaptureFixture, running: bool, regrown: int
) -> None:
    """However far it has grown again before anybody asks: short of, at and beyond what it was."""
    push(place.served, "one", "first")
    push(place.served, "two", "as it stays")
    place.keep()
    push(place.served, "one", "lost")
    assert push(place.served, "three", "lost") == 4
    follower = Follower(place.served)
    other = place.another() if running else None
    if other is not None:
        other.get("/catalog/items")
    if not running:
        place.stop()
    place.put_back()
    with caplog.at_level(logging.WARNING, "paod.api"):
        if not running:
            place.served = place.start()
        follower.served = place.served
        place.served.commits = 10
        for number in range(regrown):
            push(place.served, f"new-{number}", "given out again")
        assert follower.catch_up() == 1
    assert follower.copy == Follower(place.served).copy
    assert place.served.get("/catalog/items/one").json["description"] == "first"
    if other is not None:  # its prepared answers are of another state
        assert [row["name"] for row in other.get("/catalog/items").json["items"]] == sorted(
            follower.copy
        )
        other.store.close()
    told = went_back(place.served)
    assert told["from_generation"] == 4
    assert any("went back from generation 4" in one.message for one in caplog.records)
    push(place.served, "one", "later")
    assert follower.catch_up() == 0
    assert follower.copy == Follower(place.served).copy


def test_what_was_told_by_a_machine_that_is_no_more_is_refused_all_the_same(place: Place) -> None:
    """Neither memory nor a file says that the database went back; the client's epoch does."""
    push(place.served, "one", "first")
    early = Follower(place.served)
    place.keep()
    push(place.served, "one", "lost")
    late = Follower(place.served)
    place.stop()
    shutil.rmtree(place.folder / "told")
    (place.folder / "told").mkdir()
    place.put_back()
    place.served = early.served = late.served = place.start()
    place.served.commits = 10
    push(place.served, "two", "given out again")
    push(place.served, "three", "and more")
    asked = f"{FEED}?since={late.generation}&epoch={late.epoch}"
    refused = problem(place.served.get(asked), 410, "unknown-generation")
    head = place.served.store.head()
    assert (refused["generation"], refused["epoch"]) == (3, head.epoch)
    assert (late.catch_up(), early.catch_up()) == (1, 0)
    assert late.copy == early.copy == Follower(place.served).copy


def test_a_list_does_not_go_on_in_a_database_that_does_not_know_its_first_page(
    place: Place,
) -> None:
    for name in ("one", "two", "three"):
        push(place.served, name, "first")
    place.keep()
    push(place.served, "one", "lost")
    page = place.served.get("/catalog/items?limit=2").json
    place.put_back()
    cursor = page["pagination"]["next_cursor"]
    asked = f"/catalog/items?limit=2&cursor={cursor}"
    problem(place.another().get(asked), 410, "unknown-generation")


def test_one_generation_of_a_walk_and_the_last_pages_epoch_go_on(place: Place) -> None:
    """The catalog changed while it was read: the earlier number, with the later id."""
    push(place.served, "one", "first")
    first = place.served.get("/catalog/items").json
    push(place.served, "two", "meanwhile")
    last = place.served.get("/catalog/items").json
    asked = f"{FEED}?since={first['generation']}&epoch={last['epoch']}"
    assert [row["name"] for row in place.served.get(asked).json["changes"]] == ["two"]
    later_number = f"{FEED}?since={last['generation']}&epoch={first['epoch']}"
    problem(place.served.get(later_number), 410, "unknown-generation")


def test_a_backup_that_lost_nothing_makes_nobody_begin_again(place: Place) -> None:
    push(place.served, "one", "first")
    follower = Follower(place.served)
    place.keep()
    place.stop()
    place.put_back()
    place.served = follower.served = place.start()
    assert follower.catch_up() == 0
    assert went_back(place.served) is None


def test_one_loss_begins_one_timeline_whoever_sees_it(place: Place) -> None:
    push(place.served, "one", "first")
    place.keep()
    told = []
    for _ in range(3):
        push(place.served, "one", f"lost {_}")
        told.append(place.served.store.served())
    place.put_back()
    store = place.served.store
    assert store.go_on_from(told[0]) is not None
    timeline = store.served().timeline
    raised = store.go_on_from(told[2])
    assert raised is not None
    assert (raised.lost, raised.generation) == (4, 1)
    assert [store.go_on_from(one) for one in told] == [None, None, None]
    assert store.served().timeline == timeline


def test_a_database_begun_afresh_begins_one_timeline_however_often_it_starts(place: Place) -> None:
    """What was told of the former one stands in files of workers that may be no more."""
    store = place.served.store
    former = [Edition("a" * 16, 9, "b" * 16), Edition("a" * 16, 7, "c" * 16)]
    found = [store.go_on_from(told) for told in (former[0], former[0], *former, *former)]
    assert [one is not None for one in found] == [True] + 5 * [False]
    assert not store.knows(former[0].epoch, 0)


def test_what_was_told_is_kept_in_a_file_and_never_stands_in_the_way(tmp_path: Path) -> None:
    served = Served(tmp_path)
    file = tmp_path / "none" / "api-0"
    told = Told(served.store, file)
    edition = served.store.served()
    assert told.follow(edition) == edition
    file.parent.mkdir()
    Told(served.store, file).follow(edition)
    assert Told(served.store, file)._last == edition
    file.write_text("cut o")
    assert Told(served.store, file)._last is None
    served.store.close()


def test_a_standby_that_lags_is_served_and_nothing_is_made_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served = Served(tmp_path)
    told = Told(served.store)
    told.follow(Edition("t", 7, "lost"))

    def refuse(_told: Edition) -> None:
        raise StoreUnavailable("a standby", reason="StorageReadOnly")

    monkeypatch.setattr(served.store, "go_on_from", refuse)
    present = served.store.served()
    assert told.follow(present) == present
    served.store.close()


@pytest.mark.only_on("postgresql")
def test_another_server_or_timeline_of_its_log_begins_one_too(place: Place) -> None:
    push(place.served, "one", "first")
    follower = Follower(place.served)
    database = place.served.store.database
    with database.atomic():
        database.execute("UPDATE catalog_head SET server = '1:00000001'")
    found = place.served.store.confirm_server()
    assert found is not None
    assert "has another server, at generation 1" in str(found)
    assert place.served.store.confirm_server() is None
    assert follower.catch_up() == 1
    with database.atomic():
        database.execute("UPDATE catalog_head SET server = '1:00000001'")
    push(place.served, "two", "by who does not sync")
    assert follower.catch_up() == 1
    assert went_back(place.served)["from_generation"] is None
