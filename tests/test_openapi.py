"""The description and the program, held against each other."""

import re
import time
from datetime import datetime
from itertools import count
from pathlib import Path
from threading import Event

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from paod.api import create_app
from paod.api.app import resources
from paod.api.errors import KINDS
from paod.api.shapes import SHAPES
from paod.config import load
from paod.database import open_database
from paod.metrics import Meters
from paod.model import CatalogChange, SyncRequest, SyncResult
from paod.preview import NOTHING
from paod.store import Store
from paod.webhook import HOSTS
from tests.databases import on_each_database
from tests.served import ADMIN, POSTGRES, READER, URL, Served, bundle, item
from tests.test_api_webhooks import GUID, push

pytestmark = on_each_database

DOCS = Path(__file__).parent.parent / "docs" / "pao-rest-spec.md"


class Front:
    """Stands before the application that a fixture puts here.

    Until then that is one without a database, good for its description: schemathesis asks for it
    when tests are collected.
    """

    def __init__(self) -> None:
        given = {"PAO_REPO_URL": URL, "PAO_STATE_DIR": "/nonexistent"}
        store = Store(open_database("sqlite:////nonexistent/paod.db"))
        self.app = create_app(store, load(given))

    def __call__(self, environ, start_response):
        return self.app(environ, start_response)


FRONT = Front()
api = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", FRONT)


@pytest.fixture(name="served", scope="module")
def _served(tmp_path_factory, each_database):
    """Return an installation in which there is one of everything."""
    served = Served(
        tmp_path_factory.mktemp("served"),
        {"PAO_WEBHOOK_RATE": "1000000/second"},
        clock=count(0, 60).__next__,
    )
    served.push({POSTGRES: item(), "catalog/compute/vm.yaml": item("vm")})
    served.push({POSTGRES: item(description="Other"), "catalog/compute/vm.yaml": None})
    served.push({"catalog/a/web.yaml": bundle("web", "none"), "catalog/a/bad.yaml": "name: [\n"})
    served.push({"catalog/compute/old.yaml": item("old")})
    served.push({"catalog/compute/old.yaml": item("eks", extra="renamed_from: old\n")})
    served.push({POSTGRES: "name: [\n"})
    served.end("failed")
    dry_run = served.store.enqueue(SyncRequest("manual", dry_run=True))
    served.store.claim(dry_run=True)
    changes = (CatalogChange("item", "vm", "added", "1.0.0", 1),)
    told = SyncResult("completed", "Succeeded", "", changes=changes, preview=NOTHING)
    served.store.finish(dry_run, told)
    served.deliver(push())
    served.store.claim()
    served.deliver(push(), delivery="2")
    FRONT.app = served.app
    yield served
    served.store.close()


@pytest.fixture(name="description", scope="module")
def _description(served):
    return served.get("/openapi.json", None).json


GIVEN_ONLY = {"cursor", "epoch", "since"}
"""Parameters whose good values come out of answers: a made-up one is refused, rightly."""
FUZZ = settings(
    max_examples=8,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
    database=None,
)


@pytest.mark.usefixtures("served")
@api.parametrize()
@FUZZ
def test_no_request_gets_an_answer_that_is_not_described(case):
    query = case.query or {}
    for waits in ("wait", "min_generation"):  # what is not there yet is a 503, rightly
        if str(query.get(waits, "")).isdigit():
            query[waits] = 0
    guessed = GIVEN_ONLY & query.keys()
    case.call_and_validate(
        headers={"Authorization": f"Bearer {ADMIN}"},
        excluded_checks=[positive_data_acceptance] if guessed else [],
    )


SAMPLES = [
    ("/catalog/items", "item-list"),
    ("/catalog/items?limit=1&include_inactive=true", "item-list"),
    ("/catalog/items/postgres-database", "item"),
    ("/catalog/items/eks", "item"),
    ("/catalog/items/eks/versions", "version-list"),
    ("/catalog/items/vm/versions/1", "version"),
    ("/catalog/items/postgres-database/diff?from=1&to=2", "difference"),
    ("/catalog/bundles", "bundle-list"),
    ("/catalog/bundles/web", "bundle"),
    ("/catalog/bundles/web/versions", "version-list"),
    ("/catalog/facets", "facets"),
    ("/catalog/changes", "change-list"),
    ("/admin/catalog/sync/status", "sync-status"),
    (f"/admin/catalog/sync/status?commit={'0' * 40}", "sync-status"),
    ("/admin/catalog/syncs", "sync-list"),
    ("/admin/catalog/syncs/1", "sync"),
    ("/admin/catalog/preview?wait=0&ref=refs/pull/7/head", "queued-sync"),
    ("/admin/catalog/validation-errors?status=all", "problem-list"),
    ("/admin/catalog/stats", "stats"),
    ("/admin/webhooks/events", "event-list"),
    (f"/admin/webhooks/events/{GUID}", "event"),
    ("/health", "health"),
    ("/catalog/items/vm", "refusal"),
    ("/catalog/items/nothing", "refusal"),
    ("/catalog/items?x=1", "refusal"),
]


@pytest.mark.parametrize(("path", "shape"), SAMPLES)
def test_real_answers_have_the_shapes_that_are_described(served, description, path, shape):
    answer = served.get(path)
    schema = {"$ref": f"#/components/schemas/{shape}", "components": description["components"]}
    jsonschema.Draft202012Validator(schema).validate(answer.json)


def test_every_described_shape_is_a_schema_and_is_used(description):
    for name, shape in SHAPES.items():
        jsonschema.Draft202012Validator.check_schema(shape)
        assert f"#/components/schemas/{name}" in str(description), name


def test_every_responder_is_described_and_nothing_else(served, description):
    found = resources(
        served.store, served.settings, Event(), time.monotonic, datetime.now, Meters()
    )
    assert [resource.path for resource in found] == list(description["paths"])
    for resource in found:
        methods = description["paths"][resource.path]
        for method in ("get", "post", "put", "patch", "delete"):
            assert hasattr(resource, f"on_{method}") == (method in methods), resource.path


def test_every_token_scheme_is_told(description):
    assert description["openapi"].startswith("3.1")
    open_paths = {
        path
        for path, methods in description["paths"].items()
        for method, operation in methods.items()
        if method != "parameters" and not operation["security"]
    }
    assert open_paths == {
        *(f"/api/v1/webhooks/{host}" for host in HOSTS),
        "/api/v1/health",
        "/api/v1/problem-codes/{code}",
        "/livez",
        "/readyz",
        "/metrics",
        "/api/v1/openapi.json",
    }


def test_public_reading_is_described_as_such(tmp_path):
    served = Served(tmp_path, {"PAO_PUBLIC_READ": "true"})
    paths = served.get("/openapi.json", None).json["paths"]
    assert {} in paths["/api/v1/catalog/items"]["get"]["security"]
    assert {} not in paths["/api/v1/admin/catalog/stats"]["get"]["security"]
    served.store.close()


def test_the_description_is_open_and_revalidated(served):
    got = served.get("/openapi.json", None)
    headers = {"If-None-Match": got.headers["etag"]}
    assert served.get("/openapi.json", READER, headers=headers).status_code == 304


def test_the_manual_tells_every_endpoint_parameter_and_refusal(description):
    manual = DOCS.read_text("utf-8")
    told = set(re.findall(r"^### `(GET|POST|DELETE) (/\S+)`", manual, re.MULTILINE))
    served = {
        (method.upper(), path)
        for path, methods in description["paths"].items()
        for method in methods
        if method != "parameters"
    }
    assert told == served
    for methods in description["paths"].values():
        for operation in methods.values():
            parameters = operation.get("parameters", []) if isinstance(operation, dict) else []
            for parameter in parameters:
                assert re.search(rf"`{parameter['name']}[`=]", manual), parameter["name"]
    kinds = dict(re.findall(r"^\| `([a-z-]+)` \| (\d{3}) \|", manual, re.MULTILINE))
    assert kinds == {name: str(kind.status) for name, kind in KINDS.items()}
