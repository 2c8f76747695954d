"""The same requests and syncs on SQLite and on PostgreSQL give the same answers to the byte (P5).

What is left out of the comparison is an answer's ETag and its request's id, epochs and cursors:
they are random. The clock stands still between two steps, and that one database can be shared
by several machines is told by it alone (``leader``).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from falcon.testing import Result

from tests.databases import NAMES as DATABASES
from tests.databases import url_in
from tests.served import POSTGRES, URL, Served, bundle, commit_hash, item
from tests.store_tools import Clock

INVALID = Path(__file__).parent / "data" / "invalid"
PUSH = {"ref": "refs/heads/main", "after": "1" * 40, "repository": {"clone_url": URL}}
REDIS = "catalog/databases/redis.yaml"
STACK = "catalog/stacks/web-stack.yaml"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def pair(tmp_path: Path, clock: Clock) -> Iterator[tuple[Served, Served]]:
    """Two installations, one on each database, by one clock that stands still."""
    made = []
    for name in DATABASES:
        folder = tmp_path / name
        folder.mkdir()
        served = Served(folder, {"PAO_DB_URL": url_in(folder, name)}, now=clock, written=clock)
        made.append(served)
    yield made[0], made[1]
    for served in made:
        served.store.close()


def told(answer: Result) -> tuple[int, str]:
    """Return an answer's status and body, without what differs from request to request."""
    body = re.sub(r'"(request_id|epoch)":"\w+"', r'"\1":""', answer.text)
    body = re.sub(r'"next_cursor":"[\w-]+"', '"next_cursor":""', body)
    return answer.status_code, body.replace('"leader":false', '"leader":null')


def on_both(pair: tuple[Served, Served], step: Callable[[Served], Any]) -> Any:
    """Do the same on both; return what came of it, which must be the same."""
    results = [step(served) for served in pair]
    first, second = (told(one) if isinstance(one, Result) else one for one in results)
    assert first == second
    return results[0]


STEPS: list[Callable[[Served], Any]] = [
    lambda served: served.push({POSTGRES: item(), REDIS: item("redis", tags="cache, Größe")}),
    lambda served: served.push({STACK: bundle("web-stack", "postgres-database", "redis", "gone")}),
    lambda served: served.push({POSTGRES: item(version="1.1.0", description="Zweite Ausgabe")}),
    lambda served: served.push({REDIS: "name: [\n", "catalog/x/no-utf8.yaml": b"name: \xff\n"}),
    lambda served: served.push({REDIS: item("valkey", "renamed_from: redis\n")}),
    lambda served: served.push({"catalog/b/Zoë.yaml": item("zoe"), STACK: None}),
    lambda served: served.push({STACK: bundle("web-stack", "postgres-database", "valkey")}),
    lambda served: served.push({"catalog/b/Zoë.yaml": None}),
    lambda served: served.post("/admin/catalog/items/postgres-database/pin", {"revision": 1}),
    lambda served: served.push({POSTGRES: item(version="2.0.0", most=10)}),
    lambda served: served.end("failed"),
    lambda served: served.end("rejected", "ProblemsFound", mode="full"),
    lambda served: served.pin(commit_hash(2)),
    lambda served: served.deliver(PUSH),
    lambda served: served.deliver(PUSH),
    lambda served: served.deliver({"zen": "Anything"}, event="ping", delivery="p-1"),
    lambda served: served.deliver(PUSH | {"ref": "refs/tags/main"}, delivery="t-1"),
    lambda served: served.post("/admin/catalog/sync", {"mode": "full", "dry_run": True}),
    lambda served: served.post(
        "/admin/catalog/rollback", {"commit": commit_hash(1), "reason": "ß"}
    ),
]
READS = [
    *(
        "/catalog/items",
        "/catalog/bundles",
        "/catalog/facets",
        "/catalog/items?include_inactive=true",
    ),
    *("/catalog/items?limit=1", "/catalog/items?owner=platform-data-team&tags=database"),
    *(
        f"/catalog/items?search={quote(word)}"
        for word in ("zweite", "GROSSE", "größe", "post", "x y")
    ),
    *(
        f"/catalog/{path}"
        for name in ("postgres-database", "redis", "valkey", "zoe", "nothing")
        for path in (f"items/{name}", f"items/{name}/versions", f"items/{name}/versions/1")
    ),
    *("/catalog/items/postgres-database/diff?from=1&to=2", "/catalog/changes?since=0&limit=3"),
    *(
        "/catalog/bundles/web-stack",
        "/catalog/bundles/web-stack/versions",
        "/catalog/changes?since=4",
    ),
    *("/admin/catalog/sync/status", "/admin/catalog/syncs", "/admin/catalog/syncs?limit=2"),
    *(f"/admin/catalog/syncs/{number}" for number in range(1, 16)),
    *("/admin/catalog/validation-errors?status=all", "/admin/catalog/stats"),
    *("/admin/catalog/validation-errors", "/admin/catalog/validation-errors?path=catalog/b"),
    *("/admin/webhooks/events", "/admin/webhooks/events/p-1", "/health", "/openapi.json"),
    f"/admin/catalog/sync/status?commit={commit_hash(3)}",
]


def test_the_same_story_gives_the_same_answers(pair: tuple[Served, Served], clock: Clock) -> None:
    for step in STEPS:
        on_both(pair, step)
        for path in READS:
            on_both(pair, lambda served, path=path: served.get(path))
        clock.turn(seconds=90.125)


def test_pages_lead_to_the_same_pages(pair: tuple[Served, Served]) -> None:
    names = ["a", "a-b", "a0", "ab", "b-1", "b1", "z-z", "zz"]
    on_both(pair, lambda served: served.push({f"catalog/x/{n}.yaml": item(n) for n in names}))
    for served in pair:  # else the cursors of one would be no good to the other
        with served.store.database.atomic():
            served.store.database.execute("UPDATE catalog_head SET seal = 's', epoch = 'e'")
    found, path = [], "/catalog/items?limit=3"
    while path:
        page = on_both(pair, lambda served, path=path: served.get(path)).json
        found += [one["name"] for one in page["items"]]
        cursor = page["pagination"]["next_cursor"]
        path = f"/catalog/items?limit=3&cursor={quote(cursor)}" if cursor else ""
    assert found == sorted(names)


def test_f18_whatever_is_wrong_with_a_file_gets_the_same_verdict(
    pair: tuple[Served, Served],
) -> None:
    """Every invalid document, and what one of the databases could not hold."""
    files = {
        f"catalog/invalid/{path.stem}.yaml": path.read_bytes() for path in INVALID.glob("*.yaml")
    }
    hostile = {
        "nul": item("nul", description='"a\\0b"'),
        "surrogate": item("surrogate", description='"\\ud800"'),
        "nan": item("nan", "x-number: .nan\n"),
        "digits": item("digits", f"x-number: {'9' * 5000}\n"),
        "deep": item("deep", f"x-deep: {'[' * 500}{']' * 500}\n"),
        "both-keys": item("both-keys", 'x-keys: {1: a, "1": b}\n'),
        "float": item("float", "x-all: [1.0e+22, 1.0, 0.1, -0.0, 1.5e-9, 9223372036854775807]\n"),
        "bytes": item("bytes", 'x-text: "\\x7f\\u0085\\ufffe\\U0010ffff é e\\u0301"\n'),
        "times": item("times", "x-time: 2026-01-01T00:00:00+01:00\n"),
    }
    files |= {f"catalog/hostile/{name}.yaml": text.encode() for name, text in hostile.items()}
    on_both(pair, lambda served: served.push(files))
    found = on_both(
        pair, lambda served: served.get("/admin/catalog/validation-errors?limit=100")
    ).json
    assert len(found["validation_errors"]) > 50
    names = on_both(pair, lambda served: served.get("/catalog/items?limit=100")).json["items"]
    assert {"float", "bytes", "times"} <= {one["name"] for one in names}
    for one in names:
        path = f"/catalog/items/{one['name']}"
        on_both(pair, lambda served, path=path: served.get(path))
        on_both(pair, lambda served, path=path: served.get(f"{path}/versions/1"))


HOSTILE = ("a\0b", "\ud800", "é\u202e", "x" * 3000, "%", "_", "'", '"', "\\", ":name", "%(name)s")


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text)[:20])
def test_f18_hostile_words_in_requests_get_the_same_answers(
    pair: tuple[Served, Served], text: str
) -> None:
    on_both(pair, lambda served: served.push({POSTGRES: item()}))
    quoted = quote(text.encode("utf-8", "surrogatepass"))
    requests: list[Callable[[Served], Result]] = [
        *(
            lambda served, path=path: served.get(path.replace("TEXT", quoted))
            for path in (
                "/catalog/items/TEXT",
                "/catalog/items/TEXT/versions",
                "/catalog/items?search=TEXT",
                "/catalog/items?owner=TEXT&tags=TEXT",
                "/catalog/items?cursor=TEXT",
                "/admin/catalog/validation-errors?path=TEXT&code=TEXT",
                "/admin/webhooks/events/TEXT",
                "/admin/catalog/sync/status?commit=TEXT",
            )
        ),
        lambda served: served.post("/admin/catalog/rollback", {"commit": "1" * 40, "reason": text}),
        lambda served: served.post("/admin/catalog/sync", {"commit": text}),
        lambda served: served.post(
            "/admin/catalog/items/postgres-database/pin", {"revision": 1, "reason": text}
        ),
        lambda served: served.deliver(PUSH | {"ref": f"refs/heads/{text}"}, delivery="d-1"),
        lambda served: served.deliver(
            PUSH | {"pusher": {"name": text}, "head_commit": {"id": "1" * 40, "message": text}},
            delivery="d-2",
        ),
        lambda served: served.get("/admin/webhooks/events"),
        lambda served: served.get("/admin/catalog/syncs"),
    ]
    for request in requests:
        assert on_both(pair, request).status_code < 500
