"""The receiver of webhooks over HTTP; ids as in the table of faults."""

import io
import json
import threading
import time
import uuid
from urllib.parse import quote_plus

import pytest
from falcon.testing import create_environ

from paod.api.webhooks import MOST_BYTES
from paod.errors import StoreUnavailable
from paod.model import SyncResult
from paod.webhook.letter import PIECE_BYTES
from tests.databases import on_each_database
from tests.served import POSTGRES, URL, Served, item, problem, signed

pytestmark = on_each_database

SHA = "4f0c" * 10
GUID = "72d3162e-cc78-11e3-81ab-4c9367dc0958"


def push(**changes) -> dict:
    payload = {
        "ref": "refs/heads/main",
        "after": SHA,
        "commits": [{"id": SHA, "added": ["catalog/x/y.yaml"], "modified": [], "removed": []}],
        "repository": {"clone_url": URL},
    }
    return payload | changes


@pytest.fixture(name="served")
def _served(tmp_path):
    served = Served(tmp_path, clock=lambda: 0.0)
    yield served
    served.store.close()


def rows(served: Served) -> tuple[int, int]:
    """Return how many deliveries and how many syncs are stored."""
    return len(served.store.events(None, 100).rows), len(served.store.syncs(None, 100).rows)


def test_a_push_is_stored_with_its_sync_before_it_is_answered(served):
    answer = served.deliver(push())
    sync_id = answer.json["sync_id"]
    assert answer.status_code == 200
    assert answer.json == {
        "status": "accepted",
        "sync_triggered": True,
        "delivery_id": GUID,
        "sync_id": sync_id,
    }
    sync = served.get(f"/admin/catalog/syncs/{sync_id}").json
    assert (sync["trigger"], sync["requested_commit"]) == ("webhook", None)
    assert (sync["webhook"]["after"], sync["webhook"]["delivery_id"]) == (SHA, GUID)
    event = served.get(f"/admin/webhooks/events/{GUID}").json
    assert (event["event"], event["status"], event["attempts"]) == ("push", "accepted", 1)
    assert event["sync"]["href"] == f"/api/v1/admin/catalog/syncs/{sync_id}"
    assert served.get("/admin/webhooks/events").json["events"] == [event]


@pytest.mark.parametrize("signature", ["-", "", "sha256=", "sha1=00", "sha256=" + "0" * 64, "é"])
def test_w1_an_unsigned_delivery_leaves_no_trace(served, signature):
    problem(served.deliver(push(), signature=signature), 401, "bad-signature")
    problem(served.deliver(b"\xff not json", signature=signature), 401, "bad-signature")
    assert rows(served) == (0, 0)


def test_w2_the_signature_is_that_of_the_bytes(served):
    body = json.dumps(push()).encode()
    refused = served.deliver(body + b"\n", signature=signed(body))
    problem(refused, 401, "bad-signature")


def test_w3_without_a_secret_nothing_is_taken(tmp_path):
    served = Served(tmp_path, {"PAO_WEBHOOK_SECRET": ""})
    problem(served.deliver(push()), 503, "webhooks-off")
    assert served.get("/health", None).json["webhooks"] == "off"
    served.store.close()


def test_w4_secrets_are_rotated_without_a_restart(tmp_path):
    file = tmp_path / "secret"
    old, new = "the-old-secret-of-ours", "the-new-secret-of-ours"
    file.write_text(old)
    file.chmod(0o600)
    served = Served(tmp_path, {"PAO_WEBHOOK_SECRET": "", "PAO_WEBHOOK_SECRET_FILE": str(file)})
    body = json.dumps(push()).encode()
    statuses = []
    for content in (old, f"{old},{new}", new):
        file.write_text(content)
        for secret in (old, new):
            answer = served.deliver(body, signature=signed(body, secret))
            statuses.append(answer.status_code)
    assert statuses == [200, 401, 200, 200, 401, 200]
    served.store.close()


def test_w5_a_body_is_refused_by_its_size_before_it_is_read(served):
    headers = {"Content-Length": str(MOST_BYTES + 1), "X-GitHub-Event": "push"}
    refused = served.client.simulate_post("/api/v1/webhooks/github", headers=headers, body=b"")
    problem(refused, 413, "too-large")


def test_w5_a_large_push_is_news_without_being_parsed(served):
    answer = served.deliver(b'{"not json' + b" " * (3 * 1024 * 1024))
    assert (answer.status_code, answer.json["sync_triggered"]) == (200, True)
    assert "too large" in answer.json["reason"]
    other = served.deliver(b" " * (3 * 1024 * 1024 + 1), event="issues", delivery="2")
    assert other.json["status"] == "ignored"


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"", 400, "not-json"),
        (b"[" * 100_000, 400, "not-json"),
        (b'{"a": NaN}', 400, "not-json"),
        (b'{"ref": "\\ud800"}', 400, "not-json"),
        (b'{"ref": 1, "ref": 2}', 400, "not-json"),
        (b'{"n": ' + b"9" * 5000 + b"}", 400, "not-json"),
        (b"[]", 422, "bad-shape"),
        (b"{}", 422, "bad-shape"),
        (b'{"ref": "refs/heads/\\u0000", "repository": {}}', 422, "bad-shape"),
    ],
)
def test_w7_a_signed_payload_that_is_none_is_refused(served, body, status, kind):
    problem(served.deliver(body), status, kind)
    assert rows(served) == (0, 0)


def test_w8_a_form_works_as_well(served):
    body = f"payload={quote_plus(json.dumps(push()))}".encode()
    answer = served.deliver(body, type="application/x-www-form-urlencoded")
    assert answer.json["status"] == "accepted"


def test_w9_a_ping_is_answered_and_stored(served):
    assert served.deliver({"zen": "x"}, event="ping").json == {"status": "pong"}
    assert served.deliver({"zen": "x"}, event="ping").json == {"status": "pong"}
    assert rows(served) == (1, 0)
    warned = served.deliver({"hook": {"events": ["issues"]}}, event="ping", delivery="2").json
    assert "push" in warned["reason"]


@pytest.mark.parametrize(
    ("payload", "event"),
    [
        (push(ref="refs/heads/other"), "push"),
        (push(ref="refs/tags/main"), "push"),
        (push(repository={"clone_url": "http://127.0.0.1:9/canary.git"}), "push"),
        (push(deleted=True, after="0" * 40), "push"),
        ({}, "issues"),
    ],
)
def test_w10_what_is_not_asked_for_is_ignored_with_a_reason(served, payload, event):
    answer = served.deliver(payload, event=event).json
    assert (answer["status"], answer["sync_triggered"]) == ("ignored", False)
    assert answer["reason"]
    assert rows(served) == (1, 0)


def test_a_push_that_leaves_the_catalog_alone_is_accepted_without_a_sync(served):
    served.push({POSTGRES: item()})
    commits = [{"id": SHA, "added": ["README.md"], "modified": [], "removed": []}]
    where = {"before": served.store.head().commit, "after": SHA, "forced": False}
    answer = served.deliver(push(commits=commits, **where)).json
    assert (answer["status"], answer["sync_triggered"]) == ("accepted", False)
    assert "catalog/" in answer["reason"]


@pytest.mark.parametrize(("event", "delivery"), [("-", GUID), ("", GUID)])
def test_w10_w17_incomplete_headers_are_refused(served, event, delivery):
    refused = served.deliver(push(), event=event, delivery=delivery)
    problem(refused, 400, "bad-delivery")


@pytest.mark.parametrize("delivery", ["", "x" * 65, "a b", "../../x", "é"])
def test_w17_an_absurd_delivery_id_is_refused(served, delivery):
    problem(served.deliver(push(), delivery=delivery), 400, "bad-delivery")
    assert rows(served) == (0, 0)


def test_a_delivery_without_an_id_is_known_by_its_bytes(served):
    first = served.deliver(push(), delivery="-").json
    assert (first["status"], first["sync_triggered"]) == ("accepted", True)
    claimed = served.store.claim()
    served.store.finish(claimed.id, SyncResult("completed", "UpToDate", ""))
    again = served.deliver(push(), delivery="-").json
    assert (again["status"], again["delivery_id"]) == ("duplicate", first["delivery_id"])
    assert rows(served) == (1, 1)


def test_w16_a_redelivery_runs_only_what_did_not_go_well(served):
    first = served.deliver(push()).json["sync_id"]
    again = served.deliver(push()).json
    assert (again["status"], again["sync_triggered"]) == ("duplicate", False)
    assert served.store.claim().id == first
    served.store.finish(first, SyncResult("failed", "RemoteUnreachable", "down"))
    retried = served.deliver(push()).json
    assert (retried["status"], retried["sync_triggered"]) == ("accepted", True)
    assert retried["sync_id"] > first
    assert served.get(f"/admin/webhooks/events/{GUID}").json["attempts"] == 3
    assert rows(served) == (1, 2)


def test_null_in_place_of_a_list_of_files_is_a_reason_to_look(served):
    commit = {"id": SHA, "added": None, "modified": ["README.md"], "removed": None}
    assert served.deliver(push(commits=[commit])).json["sync_triggered"] is True


def test_w21_a_flood_is_answered_and_its_syncs_merge(tmp_path):
    served = Served(tmp_path, {"PAO_WEBHOOK_RATE": "1000/second"})
    for number in range(150):
        assert served.deliver(push(), delivery=str(number)).status_code == 200
    assert len(served.store.queue()) <= 100
    merged = served.store.claim()
    assert served.store.queue() == []
    assert len(merged.triggers) == 150
    served.store.close()


def test_over_the_rate_is_told_when_to_come_again_and_a_push_still_syncs(tmp_path):
    served = Served(tmp_path, {"PAO_WEBHOOK_RATE": "2/minute"}, clock=lambda: 0.0)
    for number in range(2):
        assert served.deliver(push(), delivery=str(number)).status_code == 200
    refused = served.deliver(push(), delivery="3")
    problem(refused, 429, "too-many-requests")
    assert refused.headers["retry-after"] == "30"
    assert rows(served) == (2, 3)
    problem(served.deliver({}, event="issues"), 429, "too-many-requests")
    assert rows(served) == (2, 3)
    served.store.close()


def test_forged_deliveries_use_up_nothing_of_the_genuine_ones(tmp_path):
    served = Served(tmp_path, {"PAO_WEBHOOK_RATE": "2/minute"}, clock=lambda: 0.0)
    forged = [served.deliver(push(), signature="-").status_code for _ in range(4)]
    assert forged == [401, 401, 429, 429]
    assert served.deliver(push()).status_code == 200
    served.store.close()


def test_a7_the_address_is_the_servers_word_and_no_headers(tmp_path):
    served = Served(tmp_path, {"PAO_WEBHOOK_RATE": "1/minute"}, clock=lambda: 0.0)
    body = json.dumps(push()).encode()
    statuses = []
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1"):
        headers = {
            "X-Hub-Signature-256": signed(body),
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": GUID,
            "X-Forwarded-For": "198.51.100.7",
        }
        answer = served.client.simulate_post(
            "/api/v1/webhooks/github", body=body, headers=headers, remote_addr=address
        )
        statuses.append(answer.status_code)
    assert statuses == [200, 200, 429]
    served.store.close()


@pytest.mark.parametrize(
    ("addresses", "statuses"),
    [
        (("2001:db8::1", "2001:db8::2", "2001:DB8:0:0:ffff::9"), [401, 429, 429]),
        (("2001:db8::1", "2001:db8:0:1::1"), [401, 401]),
        (("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"), [401, 429, 401]),
    ],
)
def test_a_caller_counts_once_however_its_address_is_written(tmp_path, addresses, statuses):
    served = Served(tmp_path, {"PAO_WEBHOOK_RATE": "1/minute"}, clock=lambda: 0.0)
    found = [
        served.client.simulate_post(
            "/api/v1/webhooks/github", body=b"{}", remote_addr=address
        ).status_code
        for address in addresses
    ]
    assert found == statuses
    served.store.close()


def eventually_queued(served: Served) -> list[dict]:
    """Return the queue as soon as there is something in it."""
    end = time.monotonic() + 15
    while not (queued := served.store.queue()) and time.monotonic() < end:
        time.sleep(0.05)
    return queued


def test_w23_a_database_in_trouble_is_a_503_and_the_push_is_not_forgotten(served):
    receive = served.store.receive

    def fail(*_: object) -> None:
        raise StoreUnavailable("database is full")

    served.store.receive = fail
    refused = served.deliver(push())
    problem(refused, 503, "store-unavailable")
    assert int(refused.headers["retry-after"]) > 0
    [queued] = eventually_queued(served)
    assert (queued["trigger"], queued["webhook"]["after"]) == ("webhook", SHA)
    served.store.receive = receive
    assert served.deliver(push()).status_code == 200


def test_w23_a_locked_database_is_answered_in_time(served):
    locked, let_go = threading.Event(), threading.Event()

    def hold() -> None:
        with served.store.database.atomic():
            locked.set()
            let_go.wait(30)

    holder = threading.Thread(target=hold)
    holder.start()
    locked.wait(10)
    began = time.monotonic()
    refused = served.deliver(push())
    took = time.monotonic() - began
    let_go.set()
    holder.join()
    problem(refused, 503, "store-unavailable")
    assert took < 5
    assert [sync["trigger"] for sync in eventually_queued(served)] == ["webhook"]


def test_an_unknown_delivery_is_not_found(served):
    problem(served.get(f"/admin/webhooks/events/{GUID}"), 404, "not-found")
    for number in range(3):
        served.deliver(push(), delivery=str(number))
    first = served.get("/admin/webhooks/events?limit=2").json
    cursor = first["pagination"]["next_cursor"]
    rest = served.get(f"/admin/webhooks/events?limit=2&cursor={cursor}").json
    found = [event["delivery_id"] for event in first["events"] + rest["events"]]
    assert found == ["2", "1", "0"]


def test_w4_each_delivery_is_one_line_that_names_the_secret_by_its_number(tmp_path, caplog):
    served = Served(tmp_path, {"PAO_WEBHOOK_SECRET": "the-first-secret,the-second-secret"})
    body = json.dumps(push()).encode()
    with caplog.at_level("INFO", "paod"):
        served.deliver(body, signature=signed(body, "the-second-secret"))
        served.deliver(body, signature="-")
    accepted, refused = [one.fields for one in caplog.records if one.name == "paod.webhook"]
    assert (accepted["secret"], accepted["outcome"]) == (1, "accepted")
    assert accepted["delivery"] == GUID
    assert refused["outcome"] == "refused"
    assert "the-second-secret" not in caplog.text
    served.store.close()


class Counting(io.BytesIO):
    """A large body that notes how much of it was read at a time."""

    def __init__(self, body: bytes) -> None:
        super().__init__(body)
        self.reads: list[int] = []

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.reads.append(len(data))
        return data


@pytest.mark.parametrize(("genuine", "status"), [(False, 401), (True, 200)])
def test_a_large_body_is_hashed_in_pieces_and_never_read_whole(served, genuine, status):
    body = b"x" * MOST_BYTES
    counting = Counting(body)
    environ = create_environ(
        "/api/v1/webhooks/github",
        method="POST",
        headers={
            "X-Hub-Signature-256": signed(body) if genuine else signed(body[1:]),
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "Content-Length": str(len(body)),
        },
    )
    environ["wsgi.input"] = counting
    statuses: list[str] = []
    list(served.client.app(environ, lambda line, _headers: statuses.append(line)))
    assert statuses[0].startswith(str(status))
    assert sum(counting.reads) == len(body)
    assert max(counting.reads) == PIECE_BYTES


def test_of_a_forged_delivery_nothing_is_read_but_to_be_hashed(served):
    counting = Counting(b"{}" * 1000)
    environ = create_environ("/api/v1/webhooks/gitlab", method="POST")
    environ |= {"wsgi.input": counting, "CONTENT_LENGTH": "2000"}
    list(served.client.app(environ, lambda _line, _headers: None))
    assert counting.reads == []
