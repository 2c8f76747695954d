"""What every request passes: tokens, roles, questions well put, and refusals in one form."""

from itertools import count

import pytest

from paod.errors import MigrationError, StoreError, StoreUnavailable
from tests.databases import on_each_database
from tests.served import ADMIN, POSTGRES, READER, SECRET, Served, item, problem

pytestmark = on_each_database

READS = ["/catalog/items", "/catalog/bundles", "/catalog/facets", "/catalog/changes"]
ADMINS = ["/admin/catalog/sync/status", "/admin/catalog/syncs", "/admin/webhooks/events"]


@pytest.fixture(name="served", scope="module")
def _served(tmp_path_factory):
    """Return an installation that is only read."""
    served = Served(tmp_path_factory.mktemp("served"), clock=count(0, 60).__next__)
    served.push({POSTGRES: item()})
    yield served
    served.store.close()


@pytest.fixture(name="fresh")
def _fresh(tmp_path):
    """Return an installation of a test's own."""
    served = Served(tmp_path)
    yield served
    served.store.close()


@pytest.mark.parametrize("path", READS + ADMINS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": ""},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {ADMIN}x"},
        {"Authorization": f"Basic {ADMIN}"},
        {"Authorization": f"Bearer {SECRET}"},
        {"Authorization": "Bearer t\u00f6ken"},
    ],
)
def test_a1_without_a_good_token_there_is_a_challenge(served, path, headers):
    refused = served.get(path, token=None, headers=headers)
    problem(refused, 401, "unauthorized")
    assert refused.headers["www-authenticate"].startswith("Bearer ")


def test_a1_a_role_that_is_too_small_is_told_so(served):
    for path in READS:
        assert served.get(path, READER).status_code == 200
        assert served.get(path, ADMIN).status_code == 200
    for path in ADMINS:
        problem(served.get(path, READER), 403, "forbidden")
        assert served.get(path, ADMIN).status_code == 200
    problem(served.post("/admin/catalog/sync", {}, READER), 403, "forbidden")


@pytest.mark.parametrize("name", ["token", "access_token"])
def test_a1_a_token_in_the_query_does_not_count(served, name):
    problem(served.get(f"/catalog/items?{name}={ADMIN}", None), 401, "unauthorized")
    refused = problem(served.get(f"/catalog/items?{name}={ADMIN}"), 400, "unknown-parameter")
    assert ADMIN not in str(refused)


def test_public_reading_needs_no_token_but_a_wrong_one_is_refused(tmp_path):
    served = Served(tmp_path, {"PAO_PUBLIC_READ": "true"})
    for path in READS:
        assert served.get(path, None).status_code == 200
        problem(served.get(path, "wrong"), 401, "unauthorized")
    for path in ADMINS:
        problem(served.get(path, None), 401, "unauthorized")
    served.store.close()


def test_a_token_is_read_again_from_its_file(tmp_path):
    file = tmp_path / "token"
    first, second, third = (f"{one}-token-of-an-admin" for one in ("1st", "2nd", "3rd"))
    file.write_text(f"{first}\n")
    file.chmod(0o600)
    served = Served(tmp_path, {"PAO_ADMIN_TOKEN": "", "PAO_ADMIN_TOKEN_FILE": str(file)})
    assert served.get("/admin/catalog/syncs", first).status_code == 200
    file.write_text(f"{second}\n{third}\n")
    problem(served.get("/admin/catalog/syncs", first), 401, "unauthorized")
    for token in (second, third):
        assert served.get("/admin/catalog/syncs", token).status_code == 200
    served.store.close()


def test_a11_too_many_wrong_tokens_are_slowed_down_and_good_ones_are_not(tmp_path):
    served = Served(tmp_path, clock=lambda: 0.0)
    answers = [served.get("/catalog/items", "wrong").status_code for _ in range(70)]
    assert answers.count(401) == 60
    refused = served.get("/catalog/items", "wrong")
    problem(refused, 429, "too-many-requests")
    assert int(refused.headers["retry-after"]) > 0
    assert served.get("/catalog/items", READER).status_code == 200
    served.store.close()


@pytest.mark.parametrize(
    ("query", "kind", "says"),
    [
        ("limt=3", "unknown-parameter", "did you mean 'limit'?"),
        ("x=", "unknown-parameter", "category, owner, tags"),
        ("limit=0", "bad-parameter", "1 to 100"),
        ("limit=101", "bad-parameter", "limit"),
        ("limit=-1", "bad-parameter", "limit"),
        ("limit=abc", "bad-parameter", "limit"),
        ("limit=", "bad-parameter", "limit"),
        ("limit=%D9%A1", "bad-parameter", "limit"),
        ("limit=" + "9" * 5000, "bad-parameter", "limit"),
        ("limit=1&limit=2", "bad-parameter", "one value"),
        ("include_inactive=yes", "bad-parameter", "true or false"),
        ("search=%00", "bad-parameter", "search"),
        ("search=" + "x" * 201, "bad-parameter", "search"),
        ("tags=,", "bad-parameter", "tags"),
        ("cursor=x", "bad-cursor", "cursor"),
        ("cursor=!", "bad-parameter", "cursor"),
        ("cursor=" + "A" * 3000, "bad-parameter", "cursor"),
        ("&".join(f"p{number}=1" for number in range(10_000)), "unknown-parameter", "limit"),
    ],
)
def test_a4_a_badly_put_question_is_told_what_is_known(served, query, kind, says):
    refused = problem(served.get(f"/catalog/items?{query}"), 400, kind)
    assert says in refused["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/catalog/items/%00",
        "/catalog/items/%ff%fe",
        "/catalog/items/UPPER",
        "/catalog/items/" + "x" * 64,
        "/catalog/items/..%2f..%2fetc",
        "/catalog/items/-a",
        "/catalog/items/a%0a",
        "/catalog/items/postgres-database/versions/0",
        "/catalog/items/postgres-database/versions/x",
        "/catalog/items/postgres-database/versions/99999999999999999999999",
        "/admin/catalog/syncs/-1",
        "/admin/webhooks/events/" + "x" * 65,
        "/admin/webhooks/events/a%20b",
    ],
)
def test_a4_an_impossible_place_is_not_found(served, path):
    problem(served.get(path), 404, "not-found")


def test_an_unknown_path_and_a_wrong_method_are_problems_too(served):
    problem(served.get("/nope", None), 404, "not-found")
    refused = served.post("/catalog/items", {})
    problem(refused, 405, "method-not-allowed")
    assert "GET" in refused.headers["allow"]
    for method in ("GET", "HEAD", "PUT", "DELETE"):
        refused = served.client.simulate_request(method, "/api/v1/webhooks/github")
        assert refused.status_code == 405
        assert "POST" in refused.headers["allow"]


def test_a_head_is_answered_like_a_get_without_its_body(served):
    path = "/api/v1/catalog/items"
    headers = {"Authorization": f"Bearer {READER}"}
    got = served.client.simulate_get(path, headers=headers)
    head = served.client.simulate_head(path, headers=headers)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("etag", "content-length", "content-type"):
        assert head.headers[name] == got.headers[name]
    assert served.client.simulate_head(path).status_code == 401


def test_a8_what_nobody_thought_of_is_told_by_its_id_alone(fresh, caplog):
    def fail(*_: object) -> None:
        raise ValueError("postgresql://user:hunter2@db")

    fresh.store.stats = fail
    refused = problem(fresh.get("/admin/catalog/stats"), 500, "internal")
    assert "hunter2" not in str(refused)
    assert refused["request_id"] in caplog.text
    assert "Traceback" in caplog.text


@pytest.mark.parametrize("error", [StoreError, StoreUnavailable, MigrationError])
def test_a_database_that_is_gone_is_worth_another_try(fresh, error):
    def fail(*_: object) -> None:
        raise error("database /secret/path is locked")

    fresh.store.head = fail
    refused = fresh.get("/catalog/items")
    assert "secret" not in str(problem(refused, 503, "store-unavailable"))
    assert int(refused.headers["retry-after"]) > 0
    assert fresh.get("/health", None).status_code == 503
    assert fresh.client.simulate_get("/readyz").status_code == 503
    assert fresh.client.simulate_get("/livez").status_code == 200


def test_the_gate_asks_for_every_role_that_is_described(served):
    paths = served.get("/openapi.json", None).json["paths"]
    for path, methods in paths.items():
        for method, operation in methods.items():
            if method == "parameters" or path.startswith("/api/v1/webhooks/"):
                continue
            ready = path.replace("{name}", "postgres-database").replace("{revision}", "1")
            ready = ready.replace("{sync_id}", "1").replace("{delivery_id}", "x")
            refused = served.client.simulate_request(method.upper(), ready).status_code == 401
            assert refused == bool(operation["security"]), path
