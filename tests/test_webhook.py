"""Webhooks: genuine or not, and what a genuine one asks for; ids as in the table of faults."""

import hashlib
import hmac
import json
from urllib.parse import quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paod import webhook
from paod.repository_url import repository_key
from paod.webhook import (
    FORM,
    HOSTS,
    Followed,
    Letter,
    Malformed,
    is_delivery_id,
    read_payload,
)

URL = "https://github.com/org/pao-repository.git"
FOLLOWED = Followed(URL, "main", "catalog")
SHA = "4f0c" * 10
SECRETS = ("webhook-secret-123", "next one")
GITHUB = HOSTS["github"]


def matching_secret(secrets, body: bytes, header: str | None) -> int | None:
    headers = {"X-Hub-Signature-256": header}
    return GITHUB.matching_secret(secrets, headers.get, Letter.of(body))


def decide(event: str, payload: dict, followed: Followed):
    return webhook.decide(GITHUB, event, payload, followed)


def decide_unread(event: str):
    return webhook.decide_unread(GITHUB, event)


def sign(body: bytes, secret: str = SECRETS[0]) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def push(**changes) -> dict:
    """Return the story's push, with some keys changed; None drops one."""
    payload = {
        "ref": "refs/heads/main",
        "commits": [
            {
                "id": "def456ghi",
                "message": "Add EKS container app catalog item",
                "added": ["catalog/compute/eks-container-app.yaml"],
                "modified": [],
                "removed": [],
            }
        ],
        "repository": {"clone_url": URL},
    }
    return {key: value for key, value in (payload | changes).items() if value is not None}


def commit(*paths: str) -> dict:
    return {"id": SHA, "added": list(paths), "modified": [], "removed": []}


def test_the_hosts_own_test_vector_holds():
    header = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert matching_secret(["It's a Secret to Everybody"], b"Hello, World!", header) == 0


BODY = b'{"zen": "Keep it logically awesome."}'


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        sign(BODY)[:-1],
        sign(BODY) + "0",
        sign(BODY).upper(),
        sign(BODY).removeprefix("sha256="),
        "sha1=" + hmac.new(SECRETS[0].encode(), BODY, hashlib.sha1).hexdigest(),
        sign(BODY) + "," + sign(BODY),
        sign(BODY, "wrong"),
        sign(BODY, ""),
        "sha256=" + "é" * 64,
        "sha256=\udcff\U0001f600",
    ],
    ids=range(13),
)
def test_w1_a_bad_signature_matches_no_secret(header):
    assert matching_secret(SECRETS, BODY, header) is None


@given(st.integers(0, len(BODY) - 1), st.integers(1, 255))
def test_w2_a_signature_holds_for_its_own_bytes_only(place, flip):
    altered = bytearray(BODY)
    altered[place] ^= flip
    assert matching_secret(SECRETS, bytes(altered), sign(BODY)) is None
    assert matching_secret(SECRETS, BODY + b"\n", sign(BODY)) is None


def test_w3_without_a_secret_nothing_is_genuine():
    assert matching_secret([], BODY, sign(BODY, "")) is None


def test_w4_both_secrets_hold_while_one_is_rotated():
    assert matching_secret(SECRETS, BODY, sign(BODY, SECRETS[0])) == 0
    assert matching_secret(SECRETS, BODY, sign(BODY, SECRETS[1])) == 1


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "not-json"),
        (b"not json", "not-json"),
        (b"[" * 100_000, "not-json"),
        (b'{"ref": NaN}', "not-json"),
        (b'{"ref": 1, "ref": 2}', "not-json"),
        (b'{"ref": "\\ud800"}', "not-json"),
        (b'{"n": ' + b"9" * 5000 + b"}", "not-json"),
        (b"[]", "bad-shape"),
        (b"null", "bad-shape"),
        (b'"push"', "bad-shape"),
    ],
)
@pytest.mark.parametrize("form", [False, True])
def test_w7_what_is_no_object_is_malformed(body, kind, form):
    sent = f"payload={quote_plus(body)}".encode() if form else body
    read = read_payload(sent, FORM if form else "application/json")
    assert isinstance(read, Malformed)
    assert read.kind == kind


@pytest.mark.parametrize(
    "body",
    [b"payload", b"other=1", b"payload={}&payload={}", b"payload=%ff", b"\xff", b"a=1&" * 17],
)
def test_w8_a_form_without_its_payload_is_malformed(body):
    assert isinstance(read_payload(body, FORM), Malformed)


@pytest.mark.parametrize("content_type", [FORM, f"{FORM}; charset=utf-8", FORM.upper()])
def test_w8_a_form_is_read_like_json(content_type):
    payload = push(note="a+b %2f & ü")
    body = f"payload={quote_plus(json.dumps(payload))}".encode()
    assert read_payload(body, content_type) == payload
    assert read_payload(json.dumps(payload).encode(), "application/json; charset=utf-8") == payload
    assert read_payload(json.dumps(payload).encode(), None) == payload


@pytest.mark.parametrize(
    "changes",
    [
        {"ref": None},
        {"ref": 7},
        {"ref": "main"},
        {"ref": "refs/heads/main\0"},
        {"repository": None},
        {"repository": "org/pao-repository"},
        {"repository": {"clone_url": 7}},
        {"commits": {}},
        {"commits": ["x"]},
        {"commits": [{"added": "catalog/x.yaml"}]},
        {"commits": [{"removed": [1]}]},
        {"after": 7},
        {"deleted": "yes"},
        {"head_commit": []},
        {"pusher": "mike"},
    ],
)
def test_w7_a_push_of_another_shape_is_malformed(changes):
    decision = decide("push", push(**changes), FOLLOWED)
    assert isinstance(decision, Malformed)
    assert decision.kind == "bad-shape"
    assert decision.detail.startswith("at /")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9)
JSON = SCALARS | st.lists(SCALARS, max_size=3) | st.dictionaries(st.text(max_size=5), SCALARS)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(st.sampled_from([*push(), "after", "deleted", "head_commit"]), JSON))
def test_w7_no_payload_raises(payload):
    decide("push", payload, FOLLOWED)
    decide("ping", payload, FOLLOWED)
    decide("push", push(**payload), FOLLOWED)


def test_w9_a_ping_is_answered_and_warns_of_a_hook_without_pushes():
    assert decide("ping", {"hook": {"events": ["push"]}}, FOLLOWED).reason == ""
    assert decide("ping", {"hook": {"events": ["*"]}}, FOLLOWED).reason == ""
    warned = decide("ping", {"hook": {"events": ["issues", 7, None]}}, FOLLOWED)
    assert (warned.status, warned.request) == ("pong", None)
    assert "push" in warned.reason


@pytest.mark.parametrize("event", ["issues", "create", "", "PUSH", "push ", "x" * 1000])
def test_w10_other_events_are_ignored(event):
    decision = decide(event, push(), FOLLOWED)
    assert (decision.status, decision.request) == ("ignored", None)
    assert decide_unread(event).status == "ignored"


@pytest.mark.parametrize(
    ("ref", "branch", "status"),
    [
        ("refs/heads/main", "main", "accepted"),
        ("refs/heads/main2", "main", "ignored"),
        ("refs/heads/mai", "main", "ignored"),
        ("refs/heads/Main", "main", "ignored"),
        ("refs/heads/x/main", "main", "ignored"),
        ("refs/tags/main", "main", "ignored"),
        ("refs/heads/release/2026", "release/2026", "accepted"),
        ("refs/heads/2026", "release/2026", "ignored"),
        ("refs/heads/refs/heads/main", "main", "ignored"),
    ],
)
def test_w11_branches_are_compared_as_whole_refs(ref, branch, status):
    decision = decide("push", push(ref=ref), Followed(URL, branch, "catalog"))
    assert decision.status == status
    assert (decision.request is not None) == (status == "accepted")
    assert bool(decision.reason) == (status == "ignored")


@pytest.mark.parametrize(
    "changes",
    [
        {"deleted": True},
        {"before": SHA, "after": "0" * 40},
        {"before": "ab" * 32, "after": "0" * 64},
    ],
)
def test_w12_a_deleted_branch_moves_nothing(changes):
    decision = decide("push", push(**changes), FOLLOWED)
    assert (decision.status, decision.request) == ("ignored", None)
    assert "deleted" in decision.reason


@pytest.mark.parametrize("before", [None, "0" * 40])
def test_a_push_from_nothing_to_nothing_is_no_deletion(before):
    decision = decide("push", push(before=before, after="0" * 40), FOLLOWED)
    assert (decision.status, decision.branch_gone) == ("accepted", False)
    assert decision.request is not None


def test_w13_a_forced_push_is_always_looked_at():
    changes = {"commits": [commit("README.md")], "forced": True, "after": SHA}
    request = decide("push", push(**changes), FOLLOWED).request
    assert request.webhook["forced"] is True


@pytest.mark.parametrize(
    "repository",
    [
        {},
        {"full_name": "org/pao-repository"},
        {"clone_url": None},
        {"clone_url": ""},
        {"clone_url": "https://github.com/org/other.git"},
        {"clone_url": "https://evil.example/org/pao-repository.git"},
        {"clone_url": "http://127.0.0.1:9/org/pao-repository.git"},
        {"clone_url": "https://github.com.evil.example/org/pao-repository"},
        {"clone_url": "https://[::1/org/pao-repository"},
        {"html_url": "https://github.com/org/pao-repository/tree/main"},
    ],
)
def test_w14_another_repository_is_ignored(repository):
    decision = decide("push", push(repository=repository), FOLLOWED)
    assert (decision.status, decision.request) == ("ignored", None)


FORMS = [
    "https://github.com/org/pao-repository.git",
    "https://github.com/org/pao-repository",
    "https://github.com/org/pao-repository/",
    "http://GitHub.com:8443/org/pao-repository.git",
    "https://user:secret@github.com/org/pao-repository.git",
    "git@github.com:org/pao-repository.git",
    "git@github.com:/org/pao-repository",
    "github.com:org/pao-repository",
    "ssh://git@github.com:22/org/pao-repository.git",
    "git://github.com/org/pao-repository.git",
    "ssh://git@ssh.github.com:443/org/pao-repository.git",
    "git@github.com:Org/PAO-repository.git",
]


@pytest.mark.parametrize("url", FORMS)
@pytest.mark.parametrize("key", ["clone_url", "ssh_url", "git_url", "html_url"])
def test_all_forms_of_one_repositorys_url_are_one(url, key):
    assert repository_key(url, fold_case=True) == "github.com/org/pao-repository"
    assert decide("push", push(repository={key: url}), FOLLOWED).request is not None


def test_a_further_url_is_ours_as_well():
    followed = Followed(URL, "main", "catalog", ("https://git.example.com/old/name",))
    renamed = push(repository={"clone_url": "https://git.example.com/Old/name.git"})
    assert decide("push", renamed, followed).request is not None


def test_who_writes_the_generic_shape_minds_case():
    payload = {"ref": "refs/heads/main", "repository": URL.replace("org", "Org")}
    assert webhook.decide(HOSTS["generic"], "push", payload, FOLLOWED).status == "ignored"


@pytest.mark.parametrize("repository", [{}, {"clone_url": None}, {"clone_url": "https://host"}])
def test_a_url_without_a_repository_is_nobodys(repository):
    followed = Followed("https://host", "main", "catalog")
    assert decide("push", push(repository=repository), followed).status == "ignored"


@pytest.mark.parametrize(
    "after", [":/(((", "--upload-pack=x", "a" * 41, "A" * 40, "é" * 40, "a" * 100_000, "", SHA[:39]]
)
def test_w15_only_a_whole_hash_is_kept_as_a_hint(after):
    changes = {"after": after, "before": after, "head_commit": {"id": after}}
    request = decide("push", push(**changes), FOLLOWED).request
    assert request.commit is None
    assert {request.webhook[key] for key in ("after", "before", "head_commit")} == {None}


@pytest.mark.parametrize("after", [SHA, SHA + "ab" * 12])
def test_what_explains_the_trigger_is_kept(after):
    changes = {
        "before": "b" * 40,
        "after": after,
        "head_commit": {"id": after, "message": "Add it\n\nand why"},
        "pusher": {"name": "mi\x1bke", "email": "kept@out.example"},
    }
    request = decide("push", push(**changes), FOLLOWED).request
    assert (request.trigger, request.follows_branch) == ("webhook", True)
    assert request.webhook == {
        "event": "push",
        "host": "github",
        "ref": "refs/heads/main",
        "before": "b" * 40,
        "after": after,
        "forced": False,
        "head_commit": after,
        "subject": "Add it",
        "pusher": "mi?ke",
    }


def test_w17_delivery_ids_have_the_form_of_guids():
    good = ["72d3162e-cc78-11e3-81ab-4c9367dc0958", "1", "x" * 64]
    bad = ["", "x" * 65, "a b", "-a", "a-", "a--b", "../x", "é", "a\n", "\u0661"]
    assert [is_delivery_id(text) for text in good + bad] == [True] * 3 + [False] * len(bad)


def whole(*commits: dict, **changes) -> dict:
    """Return a push that says all that a host can say of it."""
    said = {"before": "b" * 40, "after": SHA, "forced": False, "commits": list(commits)}
    return push(**said | changes)


@pytest.mark.parametrize(
    ("commits", "changes", "proves"),
    [
        ([commit("README.md")], {}, True),
        ([commit("README.md"), commit("docs/catalog/x.yaml")], {}, True),
        ([commit("catalogue/x.yaml", "Catalog/x.yaml", "catalog.yaml")], {}, True),
        ([{"modified": ["README.md"]}], {}, True),
        ([commit("README.md")], {"total_commits": 1}, True),
        ([commit("README.md"), commit("catalog/a/x.yaml")], {}, False),
        ([commit("catalog")], {}, False),
        ([{"removed": ["catalog/a/x.yaml"]}], {}, False),
        ([{"modified": ["catalog/a/x.yaml"]}], {}, False),
        ([commit("README.md") | {"removed": None}], {}, False),
        ([commit("README.md"), {"added": None, "modified": None, "removed": None}], {}, False),
        ([], {}, False),
        ([commit("README.md"), commit()], {}, False),
        ([commit("README.md")] * 20, {}, False),
        ([commit(*["README.md"] * 3000)], {}, False),
        ([commit("README.md")], {"total_commits": 7}, False),
        ([commit("README.md")], {"forced": True}, False),
        ([commit("README.md")], {"forced": None}, False),
        ([commit("README.md")], {"before": None}, False),
        ([commit("README.md")], {"before": "0" * 40}, False),
        ([commit("README.md")], {"before": "HEAD"}, False),
        ([commit("README.md")], {"after": "c" * 40}, False),
        ([commit("README.md")], {"created": True}, False),
    ],
)
def test_only_a_whole_list_without_catalog_files_proves_anything(commits, changes, proves):
    decision = decide("push", whole(*commits, **changes), FOLLOWED)
    assert (decision.status, decision.request is not None) == ("accepted", True)
    assert decision.unchanged_since == ("b" * 40 if proves else None)
    assert bool(decision.reason) == proves


def test_a_new_branch_is_always_looked_at():
    decision = decide("push", push(commits=[commit("README.md")], created=True), FOLLOWED)
    assert decision.request is not None


def test_a_payload_too_large_to_read_means_that_something_changed():
    decision = decide_unread("push")
    assert decision.status == "accepted"
    assert decision.request.follows_branch
