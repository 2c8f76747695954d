"""The table of answers, held for every host: one path, whoever sends."""

import json
import uuid
from urllib.parse import quote_plus

import pytest

from paod.api.webhooks import MOST_BYTES
from paod.model import SyncResult
from paod.webhook import HOSTS
from tests.databases import on_each_database
from tests.hosts import AFTER, OTHER, SENDERS, ZEROS, Sender, digest, standard
from tests.served import SECRET, Served, problem

pytestmark = on_each_database

SIGNING_TOKEN = "whsec_dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0dGVzdHRlc3Q="
"""In the form that GitLab makes them."""


@pytest.fixture(name="served", scope="module")
def _served(tmp_path_factory, each_database):
    secrets = f"{SECRET},{SIGNING_TOKEN}"
    extra = {"PAO_WEBHOOK_SECRET": secrets, "PAO_WEBHOOK_RATE": "1000/second"}
    served = Served(tmp_path_factory.mktemp("hosts"), extra, clock=lambda: 0.0)
    yield served
    served.store.close()


@pytest.fixture(name="sender", params=SENDERS, ids=lambda one: one.name)
def _sender(request) -> Sender:
    return request.param


def new() -> str:
    return str(uuid.uuid4())


def rows(served: Served) -> tuple[int, int]:
    """Return the newest delivery's and the newest sync's number: nothing stored, no other ones."""
    return (
        served.store.database.query("SELECT COALESCE(MAX(id), 0) AS n FROM webhook_events")[0]["n"],
        served.store.database.query("SELECT COALESCE(MAX(id), 0) AS n FROM catalog_sync_status")[0][
            "n"
        ],
    )


def test_every_host_is_tried():
    assert {sender.host for sender in SENDERS} == set(HOSTS)


def test_a_ping_is_answered(served, sender):
    answer = sender.deliver(served, {"test": True}, new(), sender.ping_event)
    assert (answer.status_code, answer.json) == (200, {"status": "pong"})


def test_a_push_to_the_branch_is_stored_with_its_sync(served, sender):
    delivery = new()
    answer = sender.deliver(served, sender.push(), delivery)
    assert answer.status_code == 200
    assert answer.json == {
        "status": "accepted",
        "sync_triggered": True,
        "delivery_id": delivery,
        "sync_id": answer.json["sync_id"],
    }
    event = served.get(f"/admin/webhooks/events/{delivery}").json
    assert event["event"] == sender.push_event
    told = event["payload"]
    assert (told["host"], told["ref"], told["after"]) == (sender.host, "refs/heads/main", AFTER)
    sync = served.get(f"/admin/catalog/syncs/{answer.json['sync_id']}").json
    assert (sync["trigger"], sync["webhook"]["delivery_id"]) == ("webhook", delivery)


def test_a_push_that_does_not_start_where_the_catalog_is_is_always_looked_at(served, sender):
    answer = sender.deliver(served, sender.push(files=["README.md"]), new()).json
    assert (answer["status"], answer["sync_triggered"]) == ("accepted", True)
    assert "reason" not in answer


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ref": "refs/heads/main2"}, "another ref"),
        ({"ref": "refs/heads/x/main"}, "another ref"),
        ({"ref": "refs/tags/main"}, "another ref"),
        ({"url": OTHER}, "another repository"),
        ({"after": ZEROS}, "deleted"),
    ],
)
def test_a_push_that_is_not_the_branchs_is_ignored_with_its_reason(served, sender, changes, reason):
    before = rows(served)
    answer = sender.deliver(served, sender.push(**changes), new())
    assert answer.status_code == 200
    assert (answer.json["status"], answer.json["sync_triggered"]) == ("ignored", False)
    assert reason in answer.json["reason"]
    assert rows(served) == (before[0] + 1, before[1])


def test_another_event_is_ignored_with_its_reason(served, sender):
    answer = sender.deliver(served, {}, new(), sender.other_event).json
    assert answer["status"] == "ignored"
    assert sender.other_event in answer["reason"]


def test_a_redelivery_runs_only_what_did_not_go_well(served, sender):
    delivery, payload = new(), sender.push()
    first = sender.deliver(served, payload, delivery).json["sync_id"]
    again = sender.deliver(served, payload, delivery).json
    assert (again["status"], again["sync_triggered"]) == ("duplicate", False)
    while served.store.queue():
        claimed = served.store.claim()
        served.store.finish(claimed.id, SyncResult("failed", "RemoteUnreachable", "down"))
    retried = sender.deliver(served, payload, delivery).json
    assert retried["status"] == "accepted"
    assert retried["sync_id"] > first


NAMED_BY_BYTES = [one for one in SENDERS if one.name != "generic"]
"""The smallest generic push has the same bytes each time, and is news each time."""


@pytest.mark.parametrize("sender", NAMED_BY_BYTES, ids=lambda one: one.name)
def test_a_delivery_without_an_id_is_known_by_its_bytes(served, sender):
    payload = sender.push(before=uuid.uuid4().hex + "0" * 8)
    first = sender.deliver(served, payload, None).json
    again = sender.deliver(served, payload, None).json
    assert (first["status"], again["status"]) == ("accepted", "duplicate")
    assert again["delivery_id"] == first["delivery_id"]


def test_what_is_not_proven_is_a_401_and_leaves_no_trace(served, sender):
    before = rows(served)
    body = json.dumps(sender.push()).encode()
    path = f"/api/v1/webhooks/{sender.host}"
    wrong = sender.headers(body, new(), sender.push_event, secret="wrong")
    proof = sender.proof(body, SECRET)
    cut = wrong | {name: value[:-1] for name, value in proof.items()}
    odd = wrong | dict.fromkeys(proof, "\xe9" * 64)
    empty = wrong | dict.fromkeys(proof, "")
    none = {name: value for name, value in wrong.items() if name not in proof}
    for headers in (wrong, cut, odd, empty, none):
        refused = served.client.simulate_post(path, body=body, headers=headers)
        problem(refused, 401, "bad-signature")
        assert all(name in refused.json["detail"] for name in HOSTS[sender.host].proof_headers)
    assert rows(served) == before


SIGNING = [one for one in SENDERS if one.name != "gitlab"]
"""GitLab's token is sent as it is: it shows who calls, and nothing of the body."""


@pytest.mark.parametrize("sender", SIGNING, ids=lambda one: one.name)
def test_what_is_signed_is_the_bodys_bytes(served, sender):
    body = json.dumps(sender.push()).encode()
    headers = sender.headers(body, new(), sender.push_event)
    path = f"/api/v1/webhooks/{sender.host}"
    refused = served.client.simulate_post(path, body=body + b"\n", headers=headers)
    problem(refused, 401, "bad-signature")


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"", 400, "not-json"),
        (b'{"a": NaN}', 400, "not-json"),
        (b"[" * 100_000, 400, "not-json"),
        (b"[]", 422, "bad-shape"),
        (b"{}", 422, "bad-shape"),
    ],
)
def test_a_payload_that_is_none_is_refused(served, sender, body, status, kind):
    before = rows(served)
    problem(sender.deliver(served, body, new()), status, kind)
    assert rows(served) == before


def test_every_part_that_is_read_may_be_of_a_wrong_type(served, sender):
    """Replace each value in turn: whatever is read of it, the answer is never a 500."""

    def spoilt(value: object, whole: object):
        if isinstance(value, dict | list):
            for key in list(value) if isinstance(value, dict) else range(len(value)):
                kept = value[key]
                for other in (7, None, [], {}, "x"):
                    value[key] = other
                    yield whole
                value[key] = kept
                yield from spoilt(kept, whole)

    payload = sender.push()
    statuses = {sender.deliver(served, one, new()).status_code for one in spoilt(payload, payload)}
    assert statuses == {200, 422}


def test_absurd_headers_are_refused(served, sender):
    for event in ("\x01", "x" * 101, *([None] if sender.needs_event else [])):
        refused = sender.deliver(served, sender.push(), new(), event)
        problem(refused, 400, "bad-delivery")
    for delivery in ("x" * 65, "a b", "../x", "\xe9"):
        refused = sender.deliver(served, sender.push(), delivery)
        problem(refused, 400, "bad-delivery")
    assert sender.event_header in sender.deliver(served, {}, new(), "\x01").json["detail"]


def test_a_form_works_as_well(served, sender):
    body = f"payload={quote_plus(json.dumps(sender.push()))}".encode()
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    assert sender.deliver(served, body, new(), **form).json["status"] == "accepted"


def test_a_large_push_is_news_without_being_parsed(served, sender):
    answer = sender.deliver(served, b'{"not json' + b" " * (3 * 1024 * 1024), new())
    assert (answer.status_code, answer.json["sync_triggered"]) == (200, True)
    path = f"/api/v1/webhooks/{sender.host}"
    headers = {"Content-Length": str(MOST_BYTES + 1)}
    problem(served.client.simulate_post(path, headers=headers, body=b""), 413, "too-large")


def test_all_hosts_share_one_rate_and_a_genuine_push_still_syncs(tmp_path):
    extra = {"PAO_WEBHOOK_RATE": f"{len(SENDERS)}/minute"}
    served = Served(tmp_path, extra, clock=lambda: 0.0)
    for sender in SENDERS:
        assert sender.deliver(served, sender.push(), new()).status_code == 200
    for sender in SENDERS:
        before = rows(served)
        refused = sender.deliver(served, sender.push(), new())
        problem(refused, 429, "too-many-requests")
        assert int(refused.headers["retry-after"]) > 0
        assert rows(served) == (before[0], before[1] + 1)
    served.store.close()


def test_without_a_secret_no_host_is_served(tmp_path):
    served = Served(tmp_path, {"PAO_WEBHOOK_SECRET": ""})
    for sender in SENDERS:
        problem(sender.deliver(served, sender.push(), new()), 503, "webhooks-off")
    served.store.close()


# what only one host does

GITLAB = next(one for one in SENDERS if one.name == "gitlab")
CLOUD = next(one for one in SENDERS if one.name == "bitbucket-cloud")


def signed_by_gitlab(served, body: bytes, **changes: str):
    call_id, seconds = new(), "1767225600"
    headers = {
        "X-Gitlab-Event": "Push Hook",
        "webhook-id": call_id,
        "webhook-timestamp": seconds,
        "webhook-signature": standard(SIGNING_TOKEN, call_id, seconds, body),
    }
    headers |= {name.replace("_", "-"): value for name, value in changes.items()}
    return served.client.simulate_post("/api/v1/webhooks/gitlab", body=body, headers=headers)


def test_gitlabs_signing_token_signs_id_time_and_body(served):
    body = json.dumps(GITLAB.push()).encode()
    answer = signed_by_gitlab(served, body)
    assert answer.json["status"] == "accepted"
    both = f"v1,{'A' * 43}= {standard(SIGNING_TOKEN, 'x', '1', body)}"
    changes = {"webhook_id": "x", "webhook_timestamp": "1", "webhook_signature": both}
    assert signed_by_gitlab(served, body, **changes).status_code == 200
    for change in ({"webhook_id": "other"}, {"webhook_timestamp": "1"}, {"webhook_signature": ""}):
        problem(signed_by_gitlab(served, body, **change), 401, "bad-signature")


def test_a_signing_token_is_no_token_to_be_shown(served):
    refused = GITLAB.deliver(served, GITLAB.push(), new(), X_Gitlab_Token=SIGNING_TOKEN)
    problem(refused, 401, "bad-signature")


def test_a_bad_forgejo_signature_is_not_made_good_by_another(served):
    forgejo = next(one for one in SENDERS if one.name == "forgejo")
    refused = forgejo.deliver(served, forgejo.push(), new(), X_Forgejo_Signature="0" * 64)
    problem(refused, 401, "bad-signature")


def test_gitea_may_sign_as_github_does(served):
    gitea = next(one for one in SENDERS if one.name == "gitea")
    body = json.dumps(gitea.push()).encode()
    headers = {"X-Gitea-Event": "push", "X-Hub-Signature-256": "sha256=" + digest(body, SECRET)}
    answer = served.client.simulate_post("/api/v1/webhooks/gitea", body=body, headers=headers)
    assert answer.json["status"] == "accepted"


def test_of_several_refs_in_one_push_the_branchs_counts(served):
    pushed, other = CLOUD.push(), CLOUD.push("refs/heads/other")
    pushed["push"]["changes"] = [*other["push"]["changes"], *pushed["push"]["changes"]]
    answer = CLOUD.deliver(served, pushed, new()).json
    assert (answer["status"], answer["sync_triggered"]) == ("accepted", True)


def test_a_push_that_tells_no_ref_is_a_reason_to_look(served):
    pushed = CLOUD.push() | {"push": {"changes": []}}
    answer = CLOUD.deliver(served, pushed, new()).json
    assert (answer["status"], answer["sync_triggered"]) == ("accepted", True)
    assert "does not tell" in answer["reason"]


def test_the_generic_shape_needs_a_ref_and_nothing_else(served):
    sender = next(one for one in SENDERS if one.name == "generic")
    for _ in range(2):
        answer = sender.deliver(served, {"ref": "refs/heads/main"}, None, None).json
        assert (answer["status"], answer["sync_triggered"]) == ("accepted", True)
