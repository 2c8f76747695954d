"""What a request leaves behind: its id in answer, problem and log, and one line at debug level."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served import POSTGRES, Served, item

PROXYS = "0af7651916cd43dd8448eb211c80319c"


@pytest.fixture(name="served", scope="module")
def _served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("served"))
    made.push({POSTGRES: item()})
    yield made
    made.store.close()


def fields(caplog: pytest.LogCaptureFixture) -> dict[str, object]:
    [record] = [one for one in caplog.records if one.name == "paod.request"]
    found: dict[str, object] = record.fields
    return found


def test_the_proxy_s_id_is_in_answer_problem_and_log(served, caplog):
    caplog.set_level(logging.DEBUG, "paod")
    refused = served.client.simulate_get("/api/v1/nowhere", headers={"X-Request-Id": PROXYS})
    assert refused.headers["x-request-id"] == refused.json["request_id"] == PROXYS
    assert fields(caplog)["id"] == PROXYS


@pytest.mark.parametrize("bad", ["", " ", "a b", "a\x7fb", "-x", "x" * 101, "é", "a,b", "<script>"])
def test_an_id_that_could_be_anything_else_is_replaced(served, bad):
    answer = served.client.simulate_get("/livez", headers={"X-Request-Id": bad})
    assert len(answer.headers["x-request-id"]) == 16


def test_a_request_is_one_line_without_path_and_query(served, caplog):
    caplog.set_level(logging.DEBUG, "paod")
    got = served.get("/catalog/items/postgres-database")
    seen = fields(caplog)
    assert list(seen) == ["id", "method", "route", "status", "bytes", "ms", "source"]
    assert seen["route"] == "/api/v1/catalog/items/{name}"
    assert (seen["method"], seen["status"], seen["bytes"]) == ("GET", 200, len(got.content))
    assert seen["id"] == got.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "status", "route"),
    [
        ("HEAD", "/livez", 200, "/livez"),
        ("GET", "/api/v1/catalog/items?limit=x&token=canary", 401, "/api/v1/catalog/items"),
        ("GET", "/canary", 404, "none"),
        ("DELETE", "/livez", 405, "/livez"),
    ],
)
def test_refused_or_without_a_body_it_is_one_line_too(served, caplog, method, path, status, route):
    caplog.set_level(logging.DEBUG, "paod")
    answer = served.client.simulate_request(method, path)
    seen = fields(caplog)
    assert (seen["status"], seen["route"], seen["bytes"]) == (status, route, len(answer.content))
    assert "canary" not in str(seen)


def test_an_unchanged_answer_has_no_bytes(served, caplog):
    etag = served.get("/catalog/items").headers["etag"]
    caplog.set_level(logging.DEBUG, "paod")
    assert served.get("/catalog/items", headers={"If-None-Match": etag}).status_code == 304
    assert fields(caplog)["bytes"] == 0


def test_at_the_level_of_every_day_requests_are_not_logged(served, caplog, tmp_path: Path):
    caplog.set_level(logging.INFO, "paod")
    served.get("/catalog/items")
    assert not [one for one in caplog.records if one.name == "paod.request"]
