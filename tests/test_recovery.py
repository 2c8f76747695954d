"""Backup, restore, a database that goes missing, secrets that are rotated: on real processes."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from paod.cli import main
from paod.config import load
from paod.daemon import prepare_store, serve
from paod.daemon.recovery import refuse_strange
from paod.database import SQLiteDatabase
from paod.errors import StoreUnavailable
from paod.store import Store
from paod.store.migrate import newest_schema
from tests.kept import kept_logging
from tests.nobody import without_root
from tests.origin import Origin
from tests.running import Running, item
from tests.served import SECRET, signed

FIRST = "catalog/things/first.yaml"
PUSH = "/api/v1/webhooks/github"


@dataclass
class Site:
    """A state folder and a repository, with commands that are run on them."""

    folder: Path
    origin: Origin
    shown: pytest.CaptureFixture[str]

    @property
    def database(self) -> Path:
        return self.folder / "state" / "paod.db"

    def run(self, *arguments: str, status: int = 0) -> str:
        """Run a command in this process; return what it said."""
        ended = main([*arguments])
        out, err = self.shown.readouterr()
        assert ended == status, (out, err)
        return err if status else out

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json"))

    def push(self, name: str) -> str:
        """Commit one more item."""
        return self.origin.write(f"catalog/things/{name}.yaml", item(name)).commit(name)


@pytest.fixture(name="site")
def _site(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    for name in [name for name in os.environ if name.startswith("PAO_")]:
        monkeypatch.delenv(name)
    with kept_logging(), Origin(tmp_path) as origin:
        origin.write(FIRST, item("first")).commit("Begin")
        monkeypatch.setenv("PAO_REPO_URL", origin.url)
        monkeypatch.setenv("PAO_STATE_DIR", str(tmp_path / "state"))
        monkeypatch.setenv("PAO_SYNC_INTERVAL", "0")
        yield Site(tmp_path, origin, capsys)


def test_a_backup_is_restored_and_the_next_sync_goes_on_from_it(site: Site) -> None:
    site.run("sync")
    site.run("pin", "first", "1", "--reason", "it is kept in the backup")
    file = site.folder / "backup.db"
    made = site.json("backup", str(file))
    assert (made["generation"], made["commit_hash"]) == (2, site.origin.head)
    assert "File exists" in site.run("backup", str(file), status=1)
    newer = site.push("second")
    site.run("sync")

    assert "--force restores it all the same" in site.run("restore", str(file), status=1)
    restored = site.json("restore", str(file), "--force")
    assert restored["generation"] == 2
    former = Path(restored["former"])
    assert former.parent == site.database.parent
    status = site.json("status")
    assert (status["head"]["commit_hash"], status["queued"]) == (made["commit_hash"], [])
    assert [pin["name"] for pin in status["item_pins"]] == ["first"]
    assert site.json("sync")["to_commit"] == newer
    assert len(site.json("history", "second")["versions"]) == 1
    assert oct(site.database.stat().st_mode & 0o777) == "0o600"

    assert site.json("restore", str(former), "--force")["commit_hash"] == newer
    assert site.json("sync")["reason"] == "UpToDate"


def test_a_restored_database_is_another_one_to_its_readers(site: Site) -> None:
    site.run("sync")
    site.run("backup", str(site.folder / "backup.db"))
    site.database.unlink()
    site.run("restore", str(site.folder / "backup.db"))
    assert site.json("sync", "--full")["generation"] == 1
    for name in ("paod.db-wal", "paod.db.restoring"):
        assert not site.database.with_name(name).exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "there is no file"),
        (b"", "is empty"),
        (b"not a database" * 100, "is no SQLite database"),
        ("cut", "is cut off"),
    ],
)
def test_what_is_no_backup_is_not_restored(
    site: Site, content: bytes | str | None, said: str
) -> None:
    site.run("sync")
    file = site.folder / "backup.db"
    if content == "cut":
        site.run("backup", str(file))
        os.truncate(file, file.stat().st_size // 2)
    elif content is not None:
        file.write_bytes(content)  # type: ignore[arg-type]
    assert said in site.run("restore", str(file), "--force", status=1)
    assert site.json("status")["head"]["commit_hash"] == site.origin.head


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (
            "CREATE TRIGGER evil AFTER UPDATE ON catalog_head BEGIN"
            " UPDATE catalog_items SET description = 'mine'; END",
            "trigger evil",
        ),
        ("CREATE VIEW more AS SELECT * FROM catalog_items", "view more"),
        ("CREATE TABLE more (id INTEGER CHECK (load_extension('x')))", "table more"),
        ("CREATE INDEX more ON catalog_items (hex(name))", "index more"),
        ("ALTER TABLE catalog_head ADD COLUMN more TEXT DEFAULT 'x'", "table catalog_head"),
        ("DROP TABLE webhook_events", "table webhook_events"),
    ],
)
def test_a_backup_with_another_schema_is_not_restored(site: Site, harm: str, said: str) -> None:
    site.run("sync")
    file = site.folder / "backup.db"
    site.run("backup", str(file))
    database = sqlite3.connect(file)
    database.execute(harm)
    database.commit()
    database.close()
    assert said in site.run("restore", str(file), "--force", status=1)
    assert site.json("status")["head"]["commit_hash"] == site.origin.head


def test_a_backup_of_each_former_schema_is_as_the_migrations_made_it(tmp_path: Path) -> None:
    for number in range(1, newest_schema("sqlite") + 1):
        file = tmp_path / f"{number}.db"
        store = Store(SQLiteDatabase(file))
        store.lay_out(number)
        assert store.database.schema_number() == number
        store.close()
        refuse_strange(file, number)


def test_postgresql_is_backed_up_by_its_own_tools(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PAO_DB_URL", "postgresql://paod@db.example.com/paod")
    assert "pg_restore" in site.run("restore", "backup.db", status=1)
    assert "pg_dump" in site.run("backup", "backup.db", status=1)


class Daemon(Running):
    """A daemon whose secrets lie in files."""

    def post(self, secret: str) -> int:
        """Send a ping, signed; return the status."""
        body = b'{"zen": "x"}'
        headers = {
            "X-Hub-Signature-256": signed(body, secret),
            "X-GitHub-Event": "ping",
            "Content-Type": "application/json",
        }
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port)) as connection:
            connection.request("POST", PUSH, body, headers)
            return connection.getresponse().status

    def read_as(self, token: str) -> int:
        """Read the catalog with a token; return the status."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port)) as connection:
            headers = {"Authorization": f"Bearer {token}"}
            connection.request("GET", "/api/v1/catalog/items", None, headers)
            return connection.getresponse().status


def test_a_day_of_the_operator(site: Site) -> None:
    """Rotate secrets, hang up, take a backup, lose the database, put the backup there."""
    state = site.database.parent
    token, secret = site.folder / "token", site.folder / "secret"
    for file, value in ((token, "an-old-read-token-of-mine"), (secret, SECRET)):
        file.write_text(value)
        file.chmod(0o600)
    files = {"PAO_READ_TOKEN_FILE": str(token), "PAO_WEBHOOK_SECRET_FILE": str(secret)}
    daemon = Daemon(state, site.origin.url, **files, PAO_API_WORKERS="2")
    try:
        daemon.wait_for_names("first")
        assert (daemon.read_as("an-old-read-token-of-mine"), daemon.post(SECRET)) == (200, 200)
        token.write_text("a-new-read-token-of-mine")
        secret.write_text("a-new-webhook-secret")
        for _ in range(4):  # both workers, sooner or later
            assert daemon.read_as("an-old-read-token-of-mine") == 401
            assert daemon.read_as("a-new-read-token-of-mine") == 200
            assert (daemon.post(SECRET), daemon.post("a-new-webhook-secret")) == (401, 200)

        site.push("second")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for_names("first", "second")
        assert daemon.syncs()[-1]["trigger"] == "manual"

        backup = site.folder / "backup.db"
        assert site.json("backup", str(backup))["generation"] == 2
        assert "another paod serve runs" in site.run("restore", str(backup), status=75)

        away = site.folder / "away.db"
        site.database.rename(away)
        status, body = daemon.ask("GET", "/api/v1/catalog/items")
        assert (status, body["type"]) == (503, "urn:paod:problem:store-unavailable")
        daemon.wait_for(lambda: daemon._find("the sync worker waits"))
        backup.rename(site.database)
        daemon.wait_for_names("first", "second")
        daemon.wait_for(lambda: daemon._find("the sync worker goes on"))
        site.push("third")
        daemon.sync()
        daemon.wait_for_names("first", "second", "third")
        assert daemon._find("was replaced by another file")
        assert daemon.stop()[0] == 0
    finally:
        daemon.kill()
    log = "\n".join(daemon.log)
    for value in ("read-token-of-mine", SECRET, "a-new-webhook-secret"):
        assert value not in log
    assert site.json("status")["daemon_running"] is False
    assert "does not run; last sign of life 20" in site.run("status")
    assert "added" in site.run("history", "third")


def test_a_start_without_a_database_that_can_be_written_ends_at_once_and_says_so() -> None:
    def work(folder: Path) -> None:
        settings = load({"PAO_REPO_URL": str(folder), "PAO_STATE_DIR": str(folder)})
        prepare_store(settings)
        (folder / "paod.db").chmod(0o444)
        with pytest.raises(StoreUnavailable, match=r"paod\.db cannot be written") as refused:
            serve(settings)
        assert refused.value.reason_given == "StorageReadOnly"
        assert "tried again" not in refused.value.hint

    without_root(work)


def test_no_second_daemon_and_no_restore_under_one_with_another_state_folder(site: Site) -> None:
    """The first has its database where it lies by default: in its own state folder."""
    file = site.folder / "backup.db"
    site.run("sync")
    site.run("backup", str(file))
    daemon = Running(site.folder / "state", site.origin.url)
    try:
        other = {
            "PAO_STATE_DIR": str(site.folder / "other"),
            "PAO_DB_URL": f"sqlite:///{site.database}",
        }
        with pytest.MonkeyPatch.context() as patch:
            for name, value in other.items():
                patch.setenv(name, value)
            said = f"another paod serve runs on {site.database} (process {daemon.process.pid})"
            assert said in site.run("restore", str(file), "--force", status=75)
            assert site.json("status")["daemon_running"] is True
            assert said in site.run("serve", status=75)  # it forgets its settings' secrets
    finally:
        daemon.kill()


@pytest.mark.parametrize("command", ["status", "problems", "backup"])
def test_a_database_that_one_may_not_look_at_is_said(
    site: Site, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """As in another user's folder; an impossible name stands for it, for root may look at all."""
    monkeypatch.setenv("PAO_STATE_DIR", str(site.folder / ("x" * 300)))
    file = [str(site.folder / "backup.db")] if command == "backup" else []
    assert "run this as the user that paod runs as" in site.run(command, *file, status=1)


def test_a_database_put_back_by_hand_is_seen_at_the_next_start(site: Site) -> None:
    """Nobody said so: a plain copy of the file, while paod was stopped in good order."""
    state = site.folder / "state"
    daemon = Running(state, site.origin.url)
    try:
        daemon.wait_for_names("first")
        daemon.stop()
        shutil.copyfile(site.database, site.folder / "kept")
        site.push("second")
        daemon.start()
        daemon.wait_for_names("first", "second")
        told = daemon.get("/api/v1/catalog/items")
        daemon.stop()
        shutil.copyfile(site.folder / "kept", site.database)
        daemon.start()
        daemon.wait_for_names("first", "second")
        assert daemon.get("/api/v1/catalog/items")["generation"] == told["generation"]
        asked = f"/api/v1/catalog/changes?since={told['generation']}&epoch={told['epoch']}"
        assert daemon.ask("GET", asked)[0] == 410
        assert daemon._find("the database went back from generation 2 to 1")
        assert daemon.stop()[0] == 0
    finally:
        daemon.kill()
    assert "from generation 2 to generation 1 at" in site.run("status")
