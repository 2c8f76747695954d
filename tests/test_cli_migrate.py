"""``paod migrate`` as its user calls it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from paod.cli import main
from paod.daemon.instance import Instance, lock_paths
from tests.databases import postgres_url_in, sqlite_url_in
from tests.kept import kept_logging
from tests.served import POSTGRES, Served, item


@pytest.fixture(name="state")
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the state folder of a daemon that is not running."""
    served = Served(tmp_path)
    served.push({POSTGRES: item()})
    served.store.close()
    monkeypatch.setenv("PAO_STATE_DIR", str(tmp_path))
    return tmp_path


def test_a_catalog_moves_to_postgresql(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with kept_logging():
        assert main(["migrate", "--to", postgres_url_in(state)]) == 0
        said = capsys.readouterr().out
        assert "catalog_items\t1\t" in said
        assert "Set PAO_DB_URL to postgresql://***@/postgres" in said
        assert main(["migrate", "--to", postgres_url_in(state), "--json"]) == 1
        assert "not empty" in capsys.readouterr().err


def test_what_is_told_to_machines(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with kept_logging():
        assert main(["migrate", "--json", "--to", f"sqlite:///{state}/other.db"]) == 0
    tables = json.loads(capsys.readouterr().out)["tables"]
    rows = {one["table"]: one["rows"] for one in tables}
    assert (rows["catalog_items"], rows["catalog_head"], rows["catalog_item_tags"]) == (1, 1, 3)
    assert all(len(one["sha256"]) == 64 for one in tables)


def test_what_would_lose_something_is_refused(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with kept_logging():
        assert main(["migrate", "--to", sqlite_url_in(state)]) == 1
        assert "copied from" in capsys.readouterr().err
        daemon = Instance(lock_paths(state, None))
        assert main(["migrate", "--to", f"sqlite:///{state}/other.db"]) == 1
        daemon.close()
    assert "stop it" in capsys.readouterr().err
    assert not (state / "other.db").exists()


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("mysql://x", "of no kind"),
        ("postgresql://paod:canary-1@[h/x", "cannot be understood"),
        ("postgresql://paod:canary-1@h:bad/x", "cannot be reached"),
        ("postgresql://paod:canary-1@127.0.0.1:1/x", "cannot be reached"),
    ],
)
def test_a_bad_target_is_told_without_its_password(
    state: Path, capsys: pytest.CaptureFixture[str], url: str, says: str
) -> None:
    with kept_logging():
        assert main(["migrate", "--to", url]) == 1
    said = capsys.readouterr()
    assert says in said.err
    assert "canary" not in said.err + said.out
