"""Reading the catalog: lists, documents, history, differences, facets, changes."""

import threading
import time

import pytest

from tests.databases import on_each_database
from tests.served import ADMIN, POSTGRES, Served, bundle, commit_hash, item, problem

pytestmark = on_each_database

COMPUTE = {"tags": "compute", "owner": "compute-team", "description": "A machine"}
CATALOG = {
    POSTGRES: item(),
    "catalog/compute/vm.yaml": item("vm", **COMPUTE),
    "catalog/compute/eks.yaml": item("eks", **(COMPUTE | {"tags": "compute, containers"})),
    "catalog/stacks/web.yaml": bundle("web", "vm", "postgres-database"),
    "catalog/stacks/odd.yaml": bundle("odd", "vm", "nothing"),
}
ITEMS = ["eks", "postgres-database", "vm"]


@pytest.fixture(name="served", scope="module")
def _served(tmp_path_factory, each_database):
    """Return an installation that is only read."""
    served = Served(tmp_path_factory.mktemp("served"))
    served.push(CATALOG)
    yield served
    served.store.close()


@pytest.fixture(name="fresh")
def _fresh(tmp_path):
    """Return an installation of a test's own."""
    served = Served(tmp_path)
    served.push(CATALOG)
    yield served
    served.store.close()


def names(result, plural: str = "items") -> list[str]:
    assert result.status_code == 200, result.text
    return [row["name"] for row in result.json[plural]]


def test_the_storys_list(tmp_path):
    served = Served(tmp_path)
    served.push({POSTGRES: item()})
    assert served.get("/catalog/items").json == {
        "items": [
            {
                "name": "postgres-database",
                "version": "1.0.0",
                "description": "PostgreSQL database instance",
                "owner": "platform-data-team",
                "tags": ["database", "postgres", "storage"],
                "category": "databases",
                "href": "/api/v1/catalog/items/postgres-database",
            }
        ],
        "pagination": {"next_cursor": None, "has_more": False},
        "generation": 1,
        "epoch": served.store.head().epoch,
    }
    served.store.close()


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ITEMS),
        ("category=compute", ["eks", "vm"]),
        ("owner=compute-team", ["eks", "vm"]),
        ("tags=compute", ["eks", "vm"]),
        ("tags=containers,compute", ["eks"]),
        ("tags=compute, containers,", ["eks"]),
        ("tags=compute,database", []),
        ("search=postgres", ["postgres-database"]),
        ("search=EK", ["eks"]),
        ("search=contain", ["eks"]),
        ("search=%22%27);--", []),
        ("category=compute&search=vm", ["vm"]),
        ("category=none", []),
    ],
)
def test_a_list_is_narrowed_by_filters(served, query, expected):
    assert names(served.get(f"/catalog/items?{query}")) == expected


@pytest.mark.parametrize("query", ["", "&category=compute", "&include_inactive=true"])
@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_a_walk_over_pages_finds_each_row_once(served, query, limit):
    found, cursor = [], ""
    while True:
        page = served.get(f"/catalog/items?limit={limit}{query}{cursor}").json
        found += [row["name"] for row in page["items"]]
        assert page["pagination"]["has_more"] == (page["pagination"]["next_cursor"] is not None)
        if not page["pagination"]["has_more"]:
            break
        cursor = f"&cursor={page['pagination']['next_cursor']}"
    assert found == names(served.get(f"/catalog/items?{query.removeprefix('&')}"))


def test_a5_a_walk_stays_right_while_the_catalog_changes(fresh):
    first = fresh.get("/catalog/items?limit=1").json
    fresh.push(
        {
            "catalog/compute/eks.yaml": None,
            "catalog/compute/aaa.yaml": item("aaa"),
            "catalog/compute/rds.yaml": item("rds"),
        }
    )
    rest = fresh.get(f"/catalog/items?cursor={first['pagination']['next_cursor']}")
    assert names(rest) == ["postgres-database", "rds", "vm"]


def test_a4_a_cursor_is_good_for_its_own_list_only(served):
    cursor = served.get("/catalog/items?limit=1").json["pagination"]["next_cursor"]
    assert names(served.get(f"/catalog/items?limit=2&cursor={cursor}")) == ITEMS[1:]
    for path in ("/catalog/bundles?", "/catalog/items?owner=x&", "/admin/catalog/syncs?"):
        problem(served.get(f"{path}cursor={cursor}"), 400, "bad-cursor")


def test_an_item_is_its_document_with_what_paod_knows_of_it(served):
    body = served.get("/catalog/items/postgres-database").json
    assert body["presentation"]["fields"][0]["max_length"] == 63
    assert body["fulfillment"]["manual"]["system"] == "jira"
    assert (body["category"], body["revision"], body["stale"]) == ("databases", 1, None)
    assert body["source"]["path"] == POSTGRES
    assert body["source"]["commit"] == commit_hash(1)
    assert body["source"]["hash"].startswith("sha256:")
    for key in ("href", "versions_href", "diff_href"):
        path = body[key].removeprefix("/api/v1")
        assert served.get(path).status_code == 200
    assert body["updated_at"].endswith("Z")


def test_an_authors_keys_never_hide_paods_own(fresh):
    fresh.push({POSTGRES: item(extra="category: mine\nhref: /evil\nx-cost: 5\n", version="1.1.0")})
    body = fresh.get("/catalog/items/postgres-database").json
    assert (body["category"], body["x-cost"]) == ("databases", 5)
    assert body["href"] == "/api/v1/catalog/items/postgres-database"


def test_a_broken_item_goes_on_and_says_so(fresh):
    fresh.push({POSTGRES: "name: [\n"})
    stale = {"since_commit": commit_hash(2), "problems": 1}
    assert fresh.get("/catalog/items/postgres-database").json["stale"] == stale
    rows = {row["name"]: row for row in fresh.get("/catalog/items").json["items"]}
    assert rows["postgres-database"]["stale"] == stale
    assert "stale" not in rows["vm"]


def test_a_bundle_names_what_it_resolves_to(served):
    assert names(served.get("/catalog/bundles"), "bundles") == ["odd", "web"]
    web = served.get("/catalog/bundles/web").json
    assert (web["resolved"], web["reasons"]) == (True, [])
    assert web["parts"][0] == {
        "catalog_item": "vm",
        "range": ">=1.0.0",
        "required": True,
        "version": "1.0.0",
        "reason": None,
        "href": "/api/v1/catalog/items/vm",
    }
    odd = served.get("/catalog/bundles/odd").json
    assert (odd["resolved"], len(odd["reasons"])) == (False, 1)
    assert "nothing" in odd["reasons"][0]
    assert served.get("/catalog/bundles/web/versions").json["versions"][0]["change"] == "added"


def test_a_removed_item_is_gone_and_keeps_its_history(fresh):
    fresh.push({"catalog/compute/vm.yaml": None})
    gone = problem(fresh.get("/catalog/items/vm"), 410, "removed")
    assert gone["last_revision"]["revision"] == 2
    assert gone["last_revision"]["change"] == "removed"
    assert gone["last_revision"]["document"]["name"] == "vm"
    assert gone["removed_by"]["hash"] == commit_hash(2)
    history = fresh.get("/catalog/items/vm/versions").json["versions"]
    assert [row["change"] for row in history] == ["removed", "added"]
    assert fresh.get("/catalog/items/vm/versions/1").json["document"]["name"] == "vm"
    problem(fresh.get("/catalog/items/vm/versions/3"), 404, "not-found")
    problem(fresh.post("/catalog/items/vm/validate", {"parameters": {}}), 410, "removed")
    assert names(fresh.get("/catalog/items")) == ["eks", "postgres-database"]
    rows = fresh.get("/catalog/items?include_inactive=true").json["items"]
    assert {row["name"]: row["is_active"] for row in rows} == {
        "eks": True,
        "postgres-database": True,
        "vm": False,
    }


def test_a_former_name_leads_to_its_follower_wherever_it_is_asked(fresh):
    renamed = item("cockroach", extra="renamed_from: postgres-database\n")
    fresh.push({POSTGRES: renamed})
    new = "/api/v1/catalog/items/cockroach"
    for rest in ("", "/versions", "/versions?limit=1", "/versions/1", "/diff?from=1&to=2"):
        moved = fresh.get(f"/catalog/items/postgres-database{rest}")
        assert (moved.status_code, moved.headers["location"]) == (308, new + rest)
    body = {"parameters": {}}
    moved = fresh.post("/catalog/items/postgres-database/validate", body)
    assert (moved.status_code, moved.headers["location"]) == (308, f"{new}/validate")
    assert fresh.get("/catalog/items/cockroach").json["revision"] == 2


@pytest.mark.parametrize("rest", ["", "/versions", "/versions/1", "/diff"])
def test_an_unknown_name_is_told_the_nearest(served, rest):
    refused = problem(served.get(f"/catalog/items/postgres-databse{rest}"), 404, "not-found")
    assert "did you mean 'postgres-database'?" in refused["detail"]
    problem(served.get(f"/catalog/items/web{rest}"), 404, "not-found")
    problem(served.get(f"/catalog/bundles/vm{rest}"), 404, "not-found")


def test_history_is_walked_newest_first(fresh):
    for number in range(1, 4):
        fresh.push({POSTGRES: item(version=f"1.{number}.0", most=number)})
    first = fresh.get("/catalog/items/postgres-database/versions?limit=3").json
    assert [row["version"] for row in first["versions"]] == ["1.3.0", "1.2.0", "1.1.0"]
    cursor = first["pagination"]["next_cursor"]
    rest = fresh.get(f"/catalog/items/postgres-database/versions?limit=3&cursor={cursor}").json
    assert [row["revision"] for row in rest["versions"]] == [1]
    newest = first["versions"][0]
    assert newest["commit"] == {
        "hash": commit_hash(4),
        "author": "An Author",
        "time": "2026-01-01T00:00:04Z",
        "subject": "subject",
    }
    path = newest["href"].removeprefix("/api/v1")
    whole = fresh.get(path).json
    assert whole.pop("document")["version"] == "1.3.0"
    assert whole == newest


@pytest.mark.parametrize(
    ("query", "numbers", "paths"),
    [
        ("", (2, 3), ["presentation.fields[database_name].max_length", "version"]),
        ("?from=1", (1, 3), ["description", "presentation.fields[database_name].max_length"]),
        ("?to=2", (1, 2), ["description"]),
        ("?from=3&to=1", (3, 1), ["description", "presentation.fields[database_name].max_length"]),
        ("?from=2&to=2", (2, 2), []),
    ],
)
def test_revisions_are_compared_key_by_key(fresh, query, numbers, paths):
    fresh.push({POSTGRES: item(description="Another")})
    fresh.push({POSTGRES: item(description="Another", most=31, version="1.1.0")})
    body = fresh.get(f"/catalog/items/postgres-database/diff{query}").json
    assert (body["from"]["revision"], body["to"]["revision"]) == numbers
    found = [change["path"] for change in body["changes"]]
    assert [path for path in found if path in paths] == paths
    problem(fresh.get("/catalog/items/postgres-database/diff?to=9"), 404, "not-found")


@pytest.mark.parametrize(
    ("parameters", "codes"),
    [
        ({"database_name": "orders"}, []),
        ({}, ["missing-key"]),
        ({"database_name": "Orders!"}, ["bad-value"]),
        ({"database_name": 7}, ["wrong-type"]),
        ({"database_name": "orders", "siz": 1}, ["unknown-key"]),
    ],
)
def test_an_orders_parameters_are_checked_against_the_fields(served, parameters, codes):
    body = {"parameters": parameters}
    answer = served.post("/catalog/items/postgres-database/validate", body)
    assert answer.status_code == 200
    assert answer.json["valid"] == (not codes)
    assert [error["code"] for error in answer.json["errors"]] == codes


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"", 422, "bad-shape"),
        (b"{", 400, "not-json"),
        (b'{"parameters": NaN}', 400, "not-json"),
        (b'{"parameters": {}, "parameters": {}}', 400, "not-json"),
        (b"[]", 422, "bad-shape"),
        (b"{}", 422, "bad-shape"),
        (b'{"parameters": []}', 422, "bad-shape"),
        (b'{"parameters": {}, "x": 1}', 422, "bad-shape"),
        (b'{"parameters": {"a": "' + b"x" * 65536 + b'"}}', 413, "too-large"),
        (b"[" * 5000, 400, "not-json"),
    ],
)
def test_a_body_that_is_not_as_described_is_refused(served, body, status, kind):
    path = "/catalog/items/postgres-database/validate"
    headers = {"Content-Type": "application/json"}
    problem(served.post(path, body, headers=headers), status, kind)


def test_a_body_of_another_type_is_refused(served):
    path = "/catalog/items/postgres-database/validate"
    headers = {"Content-Type": "text/plain"}
    refused = served.post(path, b'{"parameters": {}}', headers=headers)
    problem(refused, 415, "unsupported-media-type")


def test_facets_count_what_is_active(fresh):
    fresh.push({"catalog/compute/vm.yaml": None})
    facets = fresh.get("/catalog/facets").json
    assert facets["categories"] == [
        {"name": "compute", "count": 1},
        {"name": "databases", "count": 1},
    ]
    assert {"name": "compute-team", "count": 1} in facets["owners"]
    assert {"name": "containers", "count": 1} in facets["tags"]
    assert fresh.get("/catalog/facets?kind=bundle").json["owners"] == [{"name": "team", "count": 2}]


def test_facets_are_cut_to_the_most_frequent_and_say_so(fresh, monkeypatch):
    assert fresh.get("/catalog/facets").json["truncated"] == []
    monkeypatch.setattr("paod.store.entries.FACETS", 2)
    fresh.push({"catalog/compute/vm2.yaml": item("vm2", **COMPUTE)})
    facets = fresh.get("/catalog/facets").json
    assert facets["truncated"] == ["tags"]
    assert facets["tags"] == [{"name": "compute", "count": 3}, {"name": "containers", "count": 1}]
    assert len(facets["categories"]) == 2


def test_changes_are_followed_generation_by_generation(fresh):
    first = fresh.get("/catalog/changes?limit=3").json
    cursor = first["pagination"]["next_cursor"]
    rest = fresh.get(f"/catalog/changes?limit=3&cursor={cursor}").json
    told = first["changes"] + rest["changes"]
    assert [(row["kind"], row["name"]) for row in told] == [
        *(("bundle", "odd"), ("bundle", "web")),
        *(("item", name) for name in ITEMS),
    ]
    assert {row["change"] for row in told} == {"added"}
    since = rest["generation"]
    assert fresh.get(f"/catalog/changes?since={since}").json["changes"] == []
    fresh.push({"catalog/compute/eks.yaml": None})
    [change] = fresh.get(f"/catalog/changes?since={since}&epoch={first['epoch']}").json["changes"]
    assert (change["name"], change["change"], change["generation"]) == ("eks", "removed", since + 1)
    assert change["href"] == "/api/v1/catalog/items/eks"


def test_a_generation_of_another_database_is_refused(served):
    refused = problem(served.get("/catalog/changes?since=2"), 410, "unknown-generation")
    assert refused["generation"] == 1
    foreign = "/catalog/changes?since=1&epoch=0123456789abcdef"
    problem(served.get(foreign), 410, "unknown-generation")


def test_changes_are_waited_for(fresh):
    pushes = threading.Timer(0.3, fresh.push, [{"catalog/compute/eks.yaml": None}])
    pushes.start()
    began = time.monotonic()
    [change] = fresh.get("/catalog/changes?since=1&wait=20").json["changes"]
    assert change["name"] == "eks"
    assert 0.2 < time.monotonic() - began < 10
    pushes.join()


def test_waiting_ends_without_news_too(served):
    began = time.monotonic()
    assert served.get("/catalog/changes?since=1&wait=1").json["changes"] == []
    assert 0.9 < time.monotonic() - began < 5


READS = [
    "/catalog/items",
    "/catalog/items?category=compute&limit=1",
    "/catalog/items/vm",
    "/catalog/items/vm/versions",
    "/catalog/items/vm/versions/1",
    "/catalog/items/vm/diff",
    "/catalog/bundles",
    "/catalog/bundles/web",
    "/catalog/bundles/web/versions",
    "/catalog/facets",
    "/catalog/changes",
]


class Counting:
    """A database that counts what is asked of it."""

    def __init__(self, database) -> None:
        self._database = database
        self.queries: list[str] = []

    def query(self, sql, params=None):
        self.queries.append(sql)
        return self._database.query(sql, params)

    def __getattr__(self, name):
        return getattr(self._database, name)


@pytest.mark.parametrize("path", READS)
def test_a_repeated_read_asks_for_the_head_alone(fresh, path):
    counting = fresh.store.database = Counting(fresh.store.database)
    first = fresh.get(path)
    assert len(counting.queries) > 1
    counting.queries.clear()
    assert fresh.get(path).content == first.content
    heads = 2 if "changes" in path else 1
    assert len(counting.queries) == heads
    counting.queries.clear()
    unchanged = fresh.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert unchanged.headers["etag"] == first.headers["etag"]
    assert len(counting.queries) == heads
    assert all("FROM catalog_head" in sql for sql in counting.queries)


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("{}", 304),
        ("W/{}", 304),
        ('"other", {}', 304),
        ('"other" , W/{}', 304),
        ("*", 304),
        ('"other"', 200),
        ("garbage", 200),
        ("", 200),
    ],
)
def test_if_none_match_is_understood_in_all_its_forms(served, header, status):
    etag = served.get("/catalog/items").headers["etag"]
    headers = {"If-None-Match": header.format(etag)}
    assert served.get("/catalog/items", headers=headers).status_code == status


def test_a_new_generation_is_seen_at_once(fresh):
    before = fresh.get("/catalog/items")
    fresh.push({"catalog/compute/vm.yaml": None})
    after = fresh.get("/catalog/items", headers={"If-None-Match": before.headers["etag"]})
    assert names(after) == ["eks", "postgres-database"]
    assert after.headers["etag"] != before.headers["etag"]


def test_a_comment_changes_nothing_that_is_read(fresh):
    before = fresh.get("/catalog/items/vm")
    fresh.push({"catalog/compute/vm.yaml": "# note\n" + CATALOG["catalog/compute/vm.yaml"]})
    headers = {"If-None-Match": before.headers["etag"]}
    assert fresh.get("/catalog/items/vm", ADMIN, headers=headers).status_code == 304


def test_who_asks_for_a_generation_reads_nothing_older(fresh):
    generation = fresh.store.head().generation
    plain = fresh.get("/catalog/items")
    asked = fresh.get(f"/catalog/items?min_generation={generation}")
    assert asked.headers["etag"] == plain.headers["etag"]
    writer = threading.Timer(0.2, lambda: fresh.push({POSTGRES: item(description="Newer")}))
    writer.start()
    found = fresh.get(f"/catalog/items/postgres-database?min_generation={generation + 1}")
    writer.join()
    assert found.json["description"] == "Newer"


def test_a_generation_that_does_not_come_is_a_503_to_be_tried_again(tmp_path):
    served = Served(tmp_path, clock=iter(range(0, 100_000, 10)).__next__)
    for path in ("/catalog/items", "/catalog/facets", "/catalog/changes"):
        refused = served.get(f"{path}?min_generation=7")
        body = problem(refused, 503, "not-yet")
        assert "generation 7" in body["detail"]
        assert refused.headers["retry-after"] == "1"
    served.store.close()
