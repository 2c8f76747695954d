"""Metrics as Prometheus reads them: of an application, a daemon, machines on one database."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise, product
from pathlib import Path

import pytest

from paod.api.errors import KINDS
from paod.api.metrics import METHODS
from paod.errors import StoreUnavailable
from paod.metrics import prepare
from paod.store.base import stamp
from tests.databases import postgres_url_in
from tests.origin import Origin
from tests.running import TOKEN, Running, item
from tests.scraped import Scraped, promtool
from tests.served import ADMIN, POSTGRES, READER, SECRET, Served, bundle, commit_hash, signed
from tests.served import item as served_item
from tests.test_api_webhooks import push
from tests.test_docs import OPERATIONS, rows_of

STATUSES = sorted({200, 202, 304, *(kind.status for kind in KINDS.values())})
ONCE = "paod_http_requests_total"
SUCCESS = "paod_sync_last_success_timestamp_seconds"


@dataclass
class Installation:
    """An application with a clock that only a scrape moves, so that each one is new."""

    served: Served
    seconds: float = 0.0

    def scrape(self) -> Scraped:
        self.seconds += 60
        answer = self.served.client.simulate_get("/metrics")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
        return Scraped(answer.text)


@pytest.fixture(name="one")
def _one(tmp_path: Path) -> Iterator[Installation]:
    found: Installation
    served = Served(tmp_path, clock=lambda: found.seconds)
    found = Installation(served)
    yield found
    served.store.close()


def test_every_metric_stands_in_the_manual_and_the_other_way_round(one: Installation) -> None:
    told = {name for name in rows_of(OPERATIONS) if name.startswith("paod_")}
    one.served.push({POSTGRES: served_item()})
    one.scrape()
    found = one.scrape()
    types = {family.name: family.type for family in found.families}
    assert found.names == told - {"paod_leader"}, "which SQLite does not have"
    for name, cells in rows_of(OPERATIONS).items():
        if name.startswith("paod_") and name != "paod_leader":
            assert types[name.removesuffix("_total")] == cells[0], name
    promtool("check", "metrics", text=found.text)


def test_a_success_moves_on_success_alone(one: Installation) -> None:
    served = one.served
    assert one.scrape().value(SUCCESS) == 0
    served.push({POSTGRES: served_item()})
    first = one.scrape().value(SUCCESS)
    assert first
    for status in ("failed", "blocked", "rejected"):
        served.end(status)
        assert one.scrape().value(SUCCESS) == first
    served.store.touch_checked()
    verified = one.scrape().value(SUCCESS)
    assert verified is not None
    assert verified >= first
    assert stamp(datetime.fromtimestamp(verified, UTC)) == served.store.head().checked_at


def test_the_catalog_and_its_troubles_show(one: Installation) -> None:
    served = one.served
    served.push(
        {
            POSTGRES: served_item(),
            "catalog/compute/vm.yaml": served_item("vm"),
            "catalog/a/web.yaml": bundle("web", "vm"),
        }
    )
    served.push({POSTGRES: "name: [\n", "catalog/compute/vm.yaml": None})
    served.end("failed")
    served.end("failed")
    found = one.scrape()
    assert found.of("paod_catalog_items") == {
        ("paod_catalog_items", (("state", state),)): number
        for state, number in (("fresh", 0), ("stale", 1), ("removed", 1))
    }
    assert found.value("paod_catalog_bundles", state="fresh") == 1
    assert found.value("paod_catalog_validation_errors", severity="error") == 1
    assert found.value("paod_catalog_validation_errors", severity="warning") == 1
    assert found.value("paod_catalog_generation") == served.store.head().generation
    assert found.value("paod_catalog_commit_info", commit=commit_hash(2)) == 1
    assert found.value("paod_sync_consecutive_failures") == 2
    assert found.value("paod_sync_total", trigger="manual", status="failed") == 2
    assert found.value("paod_catalog_changes_total", change="removed") == 1
    served.end("blocked")
    served.pin(commit_hash(1))
    found = one.scrape()
    assert (found.value("paod_sync_held"), found.value("paod_catalog_pinned")) == (1, 1)


def test_what_is_dear_is_counted_once_a_change(
    one: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    census, counted = one.served.store.census, []
    monkeypatch.setattr(one.served.store, "census", lambda: counted.append(1) or census())
    one.served.push({POSTGRES: served_item()})
    for _ in range(3):
        one.scrape()
    one.served.client.simulate_get("/metrics")
    assert len(counted) == 1
    one.served.push({POSTGRES: None})
    assert one.scrape().value("paod_catalog_items", state="removed") == 1
    assert len(counted) == 2


def test_labels_are_known_words_whatever_strangers_ask_for(one: Installation) -> None:
    served, client = one.served, one.served.client
    served.push({POSTGRES: served_item()})
    for path in ("/nowhere", "/etc/passwd", "/api/v1/catalog/items/a%22b", "/api/v1/catalog/x?y=z"):
        client.simulate_get(path)
    served.get("/catalog/items/postgres-database")
    served.get("/catalog/items/none")
    served.get("/catalog/items", "a-wrong-token")
    client.simulate_put("/livez")
    client.simulate_delete("/livez")
    served.deliver(push(), event='a"strange\\one', signature="sha256=00")
    found = one.scrape()
    paths = set(served.get("/openapi.json").json["paths"])
    for sample in found.samples:
        if "route" in sample.labels:
            assert sample.labels["route"] in paths | {"none"}
            assert sample.labels["method"] in ("GET", "POST", "DELETE", "other")
        assert sample.labels.get("event", "other") in ("push", "ping", "other")
    item_route = {"route": "/api/v1/catalog/items/{name}", "method": "GET"}
    assert found.value(ONCE, **item_route, status="200") == 1
    assert found.value(ONCE, **item_route, status="404") == 1
    assert found.value(ONCE, **item_route, status="401") == 1
    assert found.value("paod_http_request_duration_seconds_count", **item_route) == 3
    assert found.value(ONCE, route="none") == 3
    assert found.value(ONCE, method="other", route="/livez", status="405") == 1
    assert found.value(ONCE, method="DELETE", route="/livez", status="405") == 1


@pytest.mark.parametrize(
    ("event", "outcome", "call"),
    [
        ("push", "accepted", {}),
        ("push", "ignored", {"ref": "refs/heads/other"}),
        ("push", "malformed", {"ref": 7}),
        ("push", "refused", {"signature": "sha256=00"}),
        ("push", "malformed", {"delivery": "no id"}),
        ("ping", "pong", {"event": "ping"}),
        ("other", "ignored", {"event": "star"}),
        ("other", "refused", {"event": "star", "signature": "-"}),
    ],
)
def test_deliveries_are_counted_by_what_became_of_them(one, event, outcome, call) -> None:
    headers = {name: call[name] for name in ("signature", "event", "delivery") if name in call}
    one.served.deliver(push(**{key: call[key] for key in call.keys() - headers}), **headers)
    found = one.scrape()
    assert found.value("paod_webhook_deliveries_total", event=event, outcome=outcome) == 1
    assert found.value("paod_webhook_deliveries_total") == 1


def test_repeated_and_too_many_deliveries_are_counted(tmp_path: Path) -> None:
    seconds = [0.0]
    served = Served(tmp_path, {"PAO_WEBHOOK_RATE": "2/hour"}, clock=lambda: seconds[0])
    for _ in range(3):
        served.deliver(push())
    found = Scraped(served.client.simulate_get("/metrics").text)
    for outcome in ("accepted", "duplicate", "limited"):
        assert found.value("paod_webhook_deliveries_total", outcome=outcome) == 1
    served.store.close()


def test_a_database_that_is_gone_hides_only_what_it_knows(
    one: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> None:
        raise StoreUnavailable("gone")

    one.served.get("/catalog/items")
    monkeypatch.setattr(one.served.store, "figures", gone)
    found = one.scrape()
    assert found.value("paod_database_up") == 0
    assert found.value(SUCCESS) is None
    assert found.value(ONCE, route="/api/v1/catalog/items") == 1


def counting(folder: Path, name: str, code: str) -> subprocess.CompletedProcess[str]:
    """Run code with the ``meters`` of a process that counts in a place of that folder."""
    program = [
        "import os; from pathlib import Path; from paod.metrics import Meters, Shared",
        f"meters = Meters(Shared(Path({str(folder)!r}), {name!r}))",
        code,
    ]
    command = [sys.executable, "-"]
    return subprocess.run(
        command, input="\n".join(program), check=False, capture_output=True, text=True
    )


COUNTED = f"print([s.value for m in meters.collect() for s in m.samples if s.name == {ONCE!r}])"


def test_who_takes_a_dead_one_s_place_goes_on_counting(tmp_path: Path) -> None:
    folder = tmp_path / "metrics"
    prepare(folder, ["api-0", "api-1"])
    one = "meters.answered('GET', '/livez', 200, 0.5); os.kill(os.getpid(), 9)"
    for name in ("api-0", "api-1", "api-0"):
        assert counting(folder, name, one).returncode == -signal.SIGKILL
    assert counting(folder, "api-1", COUNTED).stdout == "[3.0]\n"
    assert len(list(folder.iterdir())) == 4


def test_a_full_disk_kills_nobody_however_much_is_counted(
    one: Installation, tmp_path: Path
) -> None:
    paths = list(one.served.get("/openapi.json").json["paths"])
    labels = list(product((*METHODS, "other"), paths, STATUSES))
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("SKIPPED A FAULT TEST: mounting a small disk needs root")
    try:
        prepare(disk / "metrics", ["api-0"])
        with suppress(OSError), (disk / "rest").open("wb", buffering=0) as rest:
            while True:
                rest.write(bytes(4096))
        many = f"for one in {labels!r}: meters.answered(*one, 0.1)"
        done = counting(disk / "metrics", "api-0", f"{many}\n{COUNTED}")
        assert done.stdout == f"{[1.0] * len(labels)}\n", done
    finally:
        subprocess.run(["umount", str(disk)], check=True)


# the daemon


def metrics_of(paod: Running) -> Scraped:
    with urllib.request.urlopen(f"http://127.0.0.1:{paod.port}/metrics", timeout=10) as answer:
        return Scraped(answer.read().decode())


def deliver(paod: Running, delivery: str, signature: str | None = None) -> None:
    body = json.dumps(push(repository={"clone_url": paod.environment["PAO_REPO_URL"]})).encode()
    headers = {
        "X-Hub-Signature-256": signature or signed(body),
        "X-GitHub-Event": "push",
        "X-GitHub-Delivery": delivery,
        "Content-Type": "application/json",
    }
    url = f"http://127.0.0.1:{paod.port}/api/v1/webhooks/github"
    request = urllib.request.Request(url, body, headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200


def test_a_daemon_counts_over_all_its_workers_and_their_deaths(tmp_path: Path) -> None:
    with Origin(tmp_path) as origin:
        origin.write("catalog/x/a.yaml", item("a")).commit()
        paod = Running(
            tmp_path / "state", origin.url, PAO_API_WORKERS="3", PAO_WEBHOOK_SECRET=SECRET
        )
        try:
            paod.wait_for_names("a")
            for _ in range(30):
                paod.get("/api/v1/catalog/facets")
            facets = {"route": "/api/v1/catalog/facets", "method": "GET", "status": "200"}
            paod.wait_for(lambda: metrics_of(paod).value(ONCE, **facets) == 30)
            origin.write("catalog/x/b.yaml", item("b")).commit()
            deliver(paod, "1-1")
            paod.wait_for_names("a", "b")
            found = paod.wait_for(lambda: served_by_webhook(metrics_of(paod)))
            assert 0 < found.value("paod_webhook_to_visible_seconds_sum") < 30
            assert found.value("paod_webhook_deliveries_total", outcome="accepted") == 1
            assert found.value("paod_git_fetch_total", result="success") == 2
            assert found.value("paod_sync_duration_seconds_count", phase="apply") == 2
            for pid in (*paod.workers("api"), *paod.workers("sync")):
                os.kill(pid, signal.SIGKILL)
            paod.wait_for(lambda: len(paod.workers("api")) == 6 and len(paod.workers("sync")) == 2)
            paod.wait_for(lambda: paod.ask("GET", "/livez")[0] == 200)
            for _ in range(10):
                paod.get("/api/v1/catalog/facets")
            paod.wait_for(lambda: metrics_of(paod).value(ONCE, **facets) == 40)
            after = metrics_of(paod)
            assert after.value("paod_webhook_to_visible_seconds_count") == 1
            assert after.value("paod_webhook_deliveries_total", outcome="accepted") == 1
            fetches = after.value("paod_git_fetch_total", result="success")
            assert fetches is not None
            assert fetches >= 2
            assert len(list((tmp_path / "state" / "metrics").glob("*.db"))) == 10
            assert not falling_histograms(after)
            for secret in (TOKEN, SECRET, ADMIN, READER, str(tmp_path)):
                assert secret not in after.text
        finally:
            paod.kill()


def served_by_webhook(found: Scraped) -> Scraped | None:
    return found if found.value("paod_webhook_to_visible_seconds_count") == 1 else None


def falling_histograms(found: Scraped) -> list[str]:
    """Return the histograms with a bucket that holds less than the one below it."""
    buckets: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for sample in found.samples:
        if (bound := sample.labels.get("le")) is not None:
            rest = json.dumps({k: v for k, v in sample.labels.items() if k != "le"})
            buckets.setdefault((sample.name, rest), []).append((float(bound), sample.value))
    assert buckets
    return [
        str(key)
        for key, found in buckets.items()
        if any(low[1] > high[1] for low, high in pairwise(sorted(found)))
    ]


def test_machines_on_one_database_say_the_same_of_it(tmp_path: Path) -> None:
    url = postgres_url_in(tmp_path)
    with Origin(tmp_path) as origin:
        origin.write("catalog/x/a.yaml", item("a")).commit()
        machines = [
            Running(tmp_path / name, origin.url, PAO_DB_URL=url, PAO_INSTANCE=name)
            for name in ("vm-1", "vm-2")
        ]
        try:
            machines[0].wait_for_names("a")
            sync_id = machines[1].sync()
            machines[0].wait_for(lambda: ended(machines[0], sync_id))
            machines[0].wait_for(lambda: at_rest(machines))
            ours, theirs = (metrics_of(machine) for machine in machines)
            rows = rows_of(OPERATIONS)
            shared = [
                name.removesuffix("_total") for name in rows if rows[name][1:2] == ["database"]
            ]
            assert ours.of(*shared) == theirs.of(*shared)
            assert ours.value("paod_leader") == 1
            assert ours.value("paod_catalog_items", state="fresh") == 1
            assert (ours.value("paod_sync_total") or 0) >= 2
            fetches = [found.value("paod_git_fetch_total") or 0 for found in (ours, theirs)]
            assert min(fetches) == 0 < max(fetches), "one machine syncs"
        finally:
            for machine in machines:
                machine.kill()


def ended(paod: Running, sync_id: int) -> bool:
    status = paod.get(f"/api/v1/admin/catalog/syncs/{sync_id}")["status"]
    return status in ("completed", "superseded")


def at_rest(machines: list[Running]) -> bool:
    """Whether nothing is queued or runs, and every machine's last text is of after that."""
    busy = any(machine.status()["current"] or machine.status()["queued"] for machine in machines)
    values = [metrics_of(machine).value("paod_sync_total") for machine in machines]
    return not busy and values[0] == values[1]
