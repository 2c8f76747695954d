"""A standby that lacks the last commits becomes the primary: real servers, a real stream."""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import MEMORY, Server
from tests.served import Served
from tests.test_timeline import FEED, Follower, push, went_back
from tests.wire import Wire


@pytest.fixture(name="servers")
def _servers() -> Iterator[tuple[Server, Server]]:
    with (
        tempfile.TemporaryDirectory(prefix="pg-", dir=MEMORY) as first,
        tempfile.TemporaryDirectory(prefix="pg-", dir=MEMORY) as second,
    ):
        primary = Server(Path(first), {"synchronous_commit": "local"})
        primary.execute("CREATE SCHEMA catalog")
        standby = Server(Path(second), primary=primary)
        try:
            yield primary, standby
        finally:
            for server in (primary, standby):
                server.stop(signal.SIGQUIT)


def machine(folder: Path, wire: Path, name: str) -> Served:
    """Return a machine that reaches whichever server is the primary by one name."""
    state = folder / name
    state.mkdir()
    url = Server.url_at(wire, "catalog")
    return Served(state, {"PAO_DB_URL": url}, told=state / "told")


def test_commits_that_a_failover_lost_are_never_taken_for_those_that_came_after(
    servers: tuple[Server, Server], tmp_path: Path
) -> None:
    """One machine told what was lost; the other one never did, and is the one that goes on."""
    primary, standby = servers
    with tempfile.TemporaryDirectory(prefix="w-") as folder:
        wire = Wire(Path(folder), primary.folder)
        telling, quiet = (machine(tmp_path, wire.folder, name) for name in ("one", "two"))
        push(telling, "kept", "first")
        quiet.get("/catalog/items")
        standby.wait_for(primary)
        standby.stop()
        push(telling, "kept", "lost")
        push(telling, "lost", "lost")
        followers = [Follower(telling), Follower(telling)]
        assert followers[0].generation == 3
        primary.stop(signal.SIGQUIT)
        standby.start()
        standby.execute("SELECT pg_promote()")
        wire.target = standby.folder
        wire.cut()

        followers[0].served = quiet
        quiet.commits = 10
        push(quiet, "new", "given out again")
        push(quiet, "newer", "given out again")
        assert quiet.store.head().generation == 3
        asked = f"{FEED}?since=3&epoch={followers[0].epoch}"
        assert quiet.get(asked).status_code == 410
        for follower in followers:
            assert follower.catch_up() == 1
            assert follower.copy.keys() == {"kept", "new", "newer"}
            assert follower.copy == Follower(quiet).copy
        told = went_back(quiet)
        assert (told["from_generation"], told["to_generation"]) == (3, 1)
        wire.close()
        for served in (telling, quiet):
            served.store.close()
