"""What a pull request would change, asked over the API: of a daemon, and with nobody at work."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.databases import on_each_database
from tests.origin import Origin
from tests.running import Running, item
from tests.served import READER, Served, problem

PREVIEW = "/admin/catalog/preview"
THING = "catalog/things/first.yaml"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    made = Served(tmp_path)
    yield made
    made.store.close()


@on_each_database
def test_where_nobody_answers_in_time_it_says_where_to_look(served: Served) -> None:
    answer = served.get(f"{PREVIEW}?wait=0&ref=pull/7/head")
    assert answer.status_code == 202
    href = answer.headers["location"]
    assert answer.json == {"sync_id": answer.json["sync_id"], "status": "queued", "href": href}
    sync = served.get(href.removeprefix("/api/v1")).json
    assert (sync["dry_run"], sync["requested_ref"]) == (True, "refs/pull/7/head")
    again = served.get(f"{PREVIEW}?wait=0&ref=refs/pull/7/head")
    assert again.json == answer.json
    by_commit = served.get(f"{PREVIEW}?wait=0&ref=4f0c1a2b").json
    sync = served.get(by_commit["href"].removeprefix("/api/v1")).json
    assert (sync["requested_commit"], sync["requested_ref"]) == ("4f0c1a2b", None)
    assert len(served.store.queue()) == 2


@pytest.mark.parametrize(
    "ref",
    [
        *("", ":/(((", "--upload-pack=x", "main@{1}", "main~1", "refs/tags/v1", "refs/paod/branch"),
        *("https://example.com/evil.git", "a..b", "+main:refs/heads/x", "x\n", "f" * 201, "*"),
    ],
)
def test_hostile_text_is_no_ref_and_nothing_is_queued(served: Served, ref: str) -> None:
    refused = served.get(f"{PREVIEW}?ref={quote(ref, safe='')}")
    assert "ref: it takes" in problem(refused, 400, "bad-parameter")["detail"]
    assert served.store.queue() == []


@on_each_database
def test_it_is_for_admins(served: Served) -> None:
    problem(served.get(PREVIEW, READER), 403, "forbidden")
    problem(served.get(PREVIEW, None), 401, "unauthorized")


def propose(origin: Origin) -> str:
    """Commit what is staged as pull request 7."""
    origin.start("proposed")
    commit = origin.commit("Propose")
    origin.git("update-ref", "refs/pull/7/head", commit)
    origin.delete("proposed")
    origin.switch("main")
    return commit


def test_a_daemon_looks_at_a_pull_request_and_serves_what_it_served(tmp_path: Path) -> None:
    with Origin(tmp_path) as origin:
        first = origin.write(THING, item("first")).commit("Begin")
        origin.write(THING, item("first").replace("string", "integer"))
        proposed = propose(origin.write("catalog/things/other.yaml", item("other")))
        daemon = Running(tmp_path / "state", origin.url)
        try:
            daemon.wait_for_names("first")
            found = daemon.get(f"/api/v1{PREVIEW}?ref=refs/pull/7/head", timeout=40)
            assert (found["from_commit"], found["to_commit"]) == (first, proposed)
            assert [(one["name"], one["change"]) for one in found["changes"]] == [
                ("first", "changed"),
                ("other", "added"),
            ]
            assert found["changes"][0]["effects"][0]["code"] == "type-changed"
            assert found["breaking"] is True
            assert daemon.get(found["href"])["preview"]["changes"] == found["changes"]
            assert daemon.get(f"/api/v1{PREVIEW}", timeout=40)["changes"] == []
            status, refused = ask(daemon, "refs/pull/8/head")
            assert (status, refused["reason"]) == (404, "RefNotFound")
            origin.close()
            origin.path.rename(tmp_path / "hidden.git")
            status, refused = ask(daemon, "refs/pull/7/head")
            assert (status, refused["type"]) == (503, "urn:paod:problem:preview-failed")
            assert refused["reason"] == "RepositoryNotFound"
            assert daemon.names() == ["first"]
        finally:
            daemon.kill()


def ask(daemon: Running, ref: str) -> Any:
    return daemon.ask("GET", f"/api/v1{PREVIEW}?ref={ref}", timeout=40)
