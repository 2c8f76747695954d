"""Pinning one item over HTTP: who may, what readers see at once, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.databases import on_each_database
from tests.served import POSTGRES, READER, Served, bundle, item, problem

pytestmark = on_each_database

PIN = "/admin/catalog/items/postgres-database/pin"
BODY = {"revision": 1, "reason": "version 2 orders the wrong size"}


@pytest.fixture(name="served")
def _served(tmp_path: Path) -> Iterator[Served]:
    served = Served(tmp_path)
    served.push({POSTGRES: item(), "catalog/b/web.yaml": bundle("web", "postgres-database")})
    served.push({POSTGRES: item(version="2.0.0", most=7)})
    yield served
    served.store.close()


def delete(served: Served, **more: object) -> object:
    return served.client.simulate_delete(
        f"/api/v1{PIN}", headers={"Authorization": "Bearer a-token-that-administers"}, **more
    )


def test_a_pin_is_shown_wherever_the_item_is(served: Served) -> None:
    etag = served.get("/catalog/items").headers["etag"]
    answer = served.post(PIN, BODY)
    assert answer.status_code == 200
    pin = answer.json["pin"]
    assert (pin["revision"], pin["reason"]) == (1, BODY["reason"])
    assert (answer.json["generation"], answer.json["pin"]) == (3, pin)

    listed = served.get("/catalog/items", headers={"If-None-Match": etag})
    assert [(row["version"], row["pin"]) for row in listed.json["items"]] == [("1.0.0", pin)]
    detail = served.get(answer.json["href"].removeprefix("/api/v1")).json
    assert (detail["version"], detail["pin"], detail["generation"]) == ("1.0.0", pin, 3)
    assert served.get("/catalog/bundles/web").json["parts"][0]["version"] == "1.0.0"
    changes = served.get("/catalog/changes?since=2").json["changes"]
    assert [(row["name"], row["change"], row["revision"]) for row in changes] == [
        ("postgres-database", "pinned", 1),
        ("web", "resolution", 1),
    ]
    [told] = served.get("/admin/catalog/sync/status").json["item_pins"]
    assert told["branch"] == {"revision": 2, "version": "2.0.0", "is_active": True}
    order = {"parameters": {"database_name": "a_long_name"}}
    check = "/catalog/items/postgres-database/validate"
    assert served.post(check, order).json["valid"] is True

    released = delete(served)
    assert (released.status_code, released.json["pin"]) == (200, None)
    assert served.get("/catalog/items/postgres-database").json["pin"] is None
    assert served.post(check, order).json["valid"] is False
    assert "pin" not in served.get("/catalog/items").json["items"][0]
    problem(delete(served), 404, "not-found")


def test_only_admins_pin(served: Served) -> None:
    problem(served.post(PIN, BODY, READER), 403, "forbidden")
    problem(served.post(PIN, BODY, None), 401, "unauthorized")
    problem(served.client.simulate_delete(f"/api/v1{PIN}"), 401, "unauthorized")
    problem(served.get(PIN), 405, "method-not-allowed")


@pytest.mark.parametrize(
    "body",
    [{}, {"revision": 1}, {"reason": "why"}, BODY | {"revision": 0}, BODY | {"revision": "1"}],
)
def test_a_pin_needs_a_revision_and_a_reason(served: Served, body: dict[str, object]) -> None:
    problem(served.post(PIN, body), 422, "bad-shape")


def test_a_pin_that_cannot_be_is_refused_with_what_to_do(served: Served) -> None:
    missing = problem(served.post(PIN, BODY | {"revision": 9}), 404, "not-found")
    assert missing["detail"] == (
        "postgres-database has no revision 9; `paod history postgres-database` lists the revisions"
    )
    problem(served.post(PIN.replace("postgres-database", "nothing"), BODY), 404, "not-found")
    served.push({POSTGRES: None})
    problem(served.post(PIN, BODY | {"revision": 3}), 409, "conflict")
    assert served.post(PIN, BODY).status_code == 200
    assert served.get("/catalog/items/postgres-database").status_code == 200
