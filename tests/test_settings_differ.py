"""Machines with other settings on one database: refused or warned of, and an operator decides."""

from __future__ import annotations

import json
import logging
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from falcon.testing import TestClient

from paod.api import create_app
from paod.basis import applied_with, basis_of
from paod.config import Settings, load
from paod.daemon import dry_runs, open_store, prepare_store, run_once
from paod.daemon.board import Board
from paod.daemon.dry_runs import DryRuns
from paod.daemon.syncing import Syncing
from paod.doctor import database as doctor
from paod.errors import SettingsDiffer
from paod.model import SyncRequest, SyncResult, other_rules, other_source, preview_request
from paod.store import Store
from tests.databases import on_each_database, opened, url_in
from tests.origin import Origin
from tests.running import item

pytestmark = on_each_database
NOW = SyncRequest("manual")


@pytest.fixture(name="origin")
def _origin(tmp_path: Path) -> Iterator[Origin]:
    with Origin(tmp_path) as origin:
        origin.write("catalog/things/first.yaml", item("first")).commit("Begin")
        origin.start("other")
        origin.write("catalog/things/second.yaml", item("second")).commit("More")
        origin.switch("main")
        yield origin


def machine(origin: Origin, folder: Path, name: str, **extra: str) -> Settings:
    state = folder / name
    state.mkdir(exist_ok=True)
    return load(
        {
            "PAO_REPO_URL": origin.url,
            "PAO_STATE_DIR": str(state),
            "PAO_DB_URL": url_in(folder),
            "PAO_INSTANCE": name,
            **extra,
        }
    )


def names(settings: Settings) -> list[str]:
    store = open_store(settings)
    try:
        return [row["name"] for row in store.database.query("SELECT name FROM catalog_items")]
    finally:
        store.close()


@pytest.mark.only_on("postgresql")
def test_another_branch_is_refused_until_an_operator_agrees(tmp_path: Path, origin: Origin) -> None:
    one = machine(origin, tmp_path, "one")
    two = machine(origin, tmp_path, "two", PAO_REPO_BRANCH="other")
    run_once(one, NOW)
    for refused in (lambda: run_once(two, NOW), lambda: prepare_store(two)):
        with pytest.raises(SettingsDiffer, match=r"as one has it \(branch: other here, main there"):
            refused()
    root = machine(origin, tmp_path, "three", PAO_CATALOG_ROOT="elsewhere")
    with pytest.raises(SettingsDiffer, match="root: elsewhere here, catalog there"):
        run_once(root, NOW)
    assert names(one) == ["first"]

    assert run_once(two, NOW, adopt=True)["status"] == "completed"
    assert sorted(names(two)) == ["first", "second"]
    with pytest.raises(SettingsDiffer, match=r"as two has it \(branch: main here, other there"):
        run_once(one, NOW)


@pytest.mark.only_on("postgresql")
def test_the_one_that_syncs_gives_way_to_whom_the_operator_wants(
    tmp_path: Path, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    one = machine(origin, tmp_path, "one")
    two = machine(origin, tmp_path, "two", PAO_REPO_BRANCH="other")
    run_once(one, NOW)
    stores = [open_store(settings) for settings in (one, two)]
    former, later = (
        Syncing(settings, store, Board())
        for settings, store in zip((one, two), stores, strict=True)
    )
    with former.alone() as mine:
        assert mine
    with later.alone() as mine:
        assert not mine
    stores[1].adopt(applied_with(two))
    stores[1].enqueue(NOW)
    with pytest.raises(SettingsDiffer), former.alone():
        pytest.fail("it went on")
    served = later.serve_one(5.0)
    assert served is not None
    assert served[1].status == "completed"
    assert sorted(names(one)) == ["first", "second"]
    client = TestClient(create_app(stores[0], one))
    health = client.simulate_get("/api/v1/health").json
    assert [reason["code"] for reason in health["reasons"]] == ["SettingsDiffer"]
    found = doctor.look(one, stores[0].database.now()).finding
    assert (found.state, "paod sync --adopt" in found.hint) == ("bad", True)
    for store in stores:
        store.close()


@pytest.mark.only_on("postgresql")
def test_a_sync_under_way_does_not_write_over_what_was_adopted_meanwhile(
    tmp_path: Path, origin: Origin
) -> None:
    one = machine(origin, tmp_path, "one")
    two = machine(origin, tmp_path, "two", PAO_REPO_BRANCH="other")
    run_once(one, NOW)
    origin.write("catalog/things/third.yaml", item("third")).commit("More")
    store = open_store(one)
    store.enqueue(NOW)

    class Watched(Board):
        def enter(self, phase: str, seconds: float) -> None:
            super().enter(phase, seconds)
            if phase == "apply":
                opened_store(two).adopt(applied_with(two))

    syncing = Syncing(one, store, Watched())
    served = syncing.serve_one()
    assert served is not None
    assert ended(served[1]) == ("failed", "SettingsDiffer")
    assert names(one) == ["first"]
    store.close()


def opened_store(settings: Settings) -> Store:
    return Store(opened(settings.db_url))


def ended(result: SyncResult) -> tuple[str, str]:
    return result.status, result.reason


@pytest.mark.only_on("postgresql")
def test_a_machine_of_another_source_runs_no_dry_run_and_says_so_once(
    tmp_path: Path,
    origin: Origin,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    one = machine(origin, tmp_path, "one")
    two = machine(origin, tmp_path, "two", PAO_REPO_BRANCH="other")
    run_once(one, NOW)
    stores = [open_store(settings) for settings in (one, two)]
    looked = stores[1].preview(preview_request(None))
    turns = iter(range(3))
    monkeypatch.setattr(dry_runs, "WAIT", 0.01)
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(StopIteration):
            DryRuns(two, stores[1], on_turn=turns.__next__).run()
    finally:
        signal.signal(signal.SIGTERM, before)
    said = [record for record in caplog.records if "dry runs wait" in record.getMessage()]
    assert [record.levelno for record in said].count(logging.WARNING) == 1
    assert "branch: other here, main there" in said[0].getMessage()
    assert stores[1].sync(looked)["status"] == "queued"
    assert DryRuns(one, stores[0]).serve_one()
    assert stores[0].sync(looked)["status"] == "completed"
    for store in stores:
        store.close()


@pytest.mark.only_on("postgresql")
def test_other_rules_are_said_with_what_differs_and_who(
    tmp_path: Path, origin: Origin, caplog: pytest.LogCaptureFixture
) -> None:
    one = machine(origin, tmp_path, "one")
    two = machine(origin, tmp_path, "two", PAO_VERSION_POLICY="enforce")
    run_once(one, NOW)
    store = open_store(two)
    health = TestClient(create_app(store, two)).simulate_get("/api/v1/health").json
    assert [reason["code"] for reason in health["reasons"]] == ["RulesDiffer"]
    assert (health["status"], health["stale"]) == ("degraded", False)
    found = doctor.look(two, store.database.now()).finding
    assert found.state == "warning"
    assert (
        "one made the catalog by other rules (version_policy: enforce here, warn" in found.message
    )
    with caplog.at_level(logging.WARNING), Syncing(two, store, Board()).alone() as mine:
        assert mine
    assert "one had other rules (version_policy: enforce here, warn there)" in caplog.text
    store.close()


@pytest.mark.only_on("sqlite")
def test_on_a_file_the_one_machines_settings_are_its_operators_word(
    tmp_path: Path, origin: Origin
) -> None:
    run_once(machine(origin, tmp_path, "one"), NOW)
    other = machine(origin, tmp_path, "one", PAO_REPO_BRANCH="other")
    assert run_once(other, NOW)["status"] == "completed"
    assert sorted(names(other)) == ["first", "second"]


def test_two_addresses_of_one_repository_are_the_same() -> None:
    https, ssh, another = (
        load({"PAO_REPO_URL": url, "PAO_INSTANCE": "vm"})
        for url in (
            "https://github.com/org/repo.git",
            "git@github.com:org/repo.git",
            "https://github.com/org/other.git",
        )
    )
    assert basis_of(https) == basis_of(ssh) != basis_of(another)
    assert other_source(applied_with(https), applied_with(ssh)) == ""
    assert "github.com/org/other here" in other_source(applied_with(https), applied_with(another))


def test_what_was_applied_before_that_was_kept_differs_from_nothing() -> None:
    mine = applied_with(load({"PAO_REPO_URL": "https://github.com/org/repo.git"}))
    assert other_source(None, mine) == other_rules(None, mine) == ""
    del_branch = json.dumps({k: v for k, v in json.loads(mine).items() if k != "branch"})
    assert other_source(del_branch, mine) == ""
