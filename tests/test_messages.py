"""What is told, in the form that its receiver takes: signed, escaped, no longer than allowed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from paod.messages import alert_request, commit_status, github_request, redacted
from paod.messages.requests import MOST_TEXT, slack_text
from paod.model import Counts, SyncResult
from tests.receiver import signature

URL = "https://hooks.example.com/services/T0/B0/path-secret"
FACTS: dict[str, Any] = {
    "id": "0e7c1f0a-0000-4000-8000-000000000001",
    "time": "2026-01-01T00:00:00.000Z",
    "alert": "held",
    "severity": "error",
    "summary": "commit aaaa is held back (MassRemoval): would remove 9 of 9",
    "repository": "https://github.com/org/pao-repository.git",
    "branch": "main",
    "link": "https://paod.example.com/status",
}
API = "https://api.github.com"
ORG = ("org", "pao-repository")


def test_json_is_signed_as_github_signs() -> None:
    request = alert_request(FACTS, URL, "json", "a-secret")
    assert request.headers["X-Hub-Signature-256"] == signature("a-secret", request.body)
    assert json.loads(request.body) == FACTS
    assert request.headers["X-Paod-Alert"] == "held"
    assert request.headers["X-Paod-Delivery"] == FACTS["id"]
    assert "path-secret" not in repr(request)
    assert "a-secret" not in repr(request) + request.body.decode()


def test_the_expected_signature_is_the_one_that_github_documents() -> None:
    assert signature("It's a Secret to Everybody", b"Hello, World!") == (
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    )


def test_json_without_a_secret_is_not_signed() -> None:
    assert "X-Hub-Signature-256" not in alert_request(FACTS, URL, "json", None).headers


def test_slack_gets_a_text() -> None:
    request = alert_request(FACTS, URL, "slack", "a-secret")
    assert request.headers == {"Content-Type": "application/json"}
    assert json.loads(request.body) == {
        "text": ":red_circle: *held* https://github.com/org/pao-repository.git (main), "
        "2026-01-01 00:00 UTC\n"
        "commit aaaa is held back (MassRemoval): would remove 9 of 9\n"
        "<https://paod.example.com/status|status>"
    }


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("<!channel> look", "&lt;!channel&gt; look"),
        ("<https://evil.example.com|status>", "&lt;https:~/~/evil~.~example~.~com|status&gt;"),
        ("*b* _i_ ~s~ `c`", "~*~b~*~ ~_~i~_~ ~~~s~~~ ~`~c~`~"),
        ("@channel @here #general", "~@~channel ~@~here ~#~general"),
        ("see https://evil.example/x", "see https:~/~/evil~.~example/x"),
        ("www.evil.com", "www~.~evil~.~com"),
        (":rotating_light: 12:30", "~:~rotating_light: 12:30"),
        ("database_name in catalog/a/b.yaml:3", "database_name in catalog/a/b.yaml:3"),
        ("a & b &lt;", "a &amp; b &amp;lt;"),
        ("one\ntwo\x1b[31m\u202e", "one two [31m "),
    ],
)
def test_what_others_wrote_marks_nothing_up(written: str, shown: str) -> None:
    shown = shown.replace("~~~", "~\0~").replace("~", "\u2060").replace("\0", "~")
    problem = {"path": "catalog/x.yaml", "line": 3, "code": "bad-name", "message": written}
    text = slack_text({**FACTS, "summary": written, "problems": [problem]})
    lines = text.split("\n")
    assert lines[1:3] == [shown, f"• catalog/x.yaml:3 bad-name: {shown}"]
    assert len(lines) == 4


def test_a_long_alert_is_cut_and_keeps_its_link() -> None:
    text = slack_text({**FACTS, "added": [{"name": "n" * 60}] * 100})
    assert len(text) < MOST_TEXT + 100
    assert text.endswith("…\n<https://paod.example.com/status|status>")


def test_a_link_is_left_out_where_nobody_said_where() -> None:
    assert "\n<" not in slack_text({**FACTS, "link": None})


def test_every_text_in_an_alert_is_redacted() -> None:
    facts = {"summary": "a SECRET", "problems": [{"message": "SECRET"}], "errors": 3}
    assert redacted(facts, lambda text: text.replace("SECRET", "***")) == {
        "summary": "a ***",
        "problems": [{"message": "***"}],
        "errors": 3,
    }


def result(status: Any, reason: str = "Succeeded", message: str = "", **more: Any) -> SyncResult:
    return SyncResult(status, reason, message, to_commit="c" * 40, **more)


@pytest.mark.parametrize(
    ("outcome", "state", "description"),
    [
        (
            result("completed", items=Counts(2, 1, 0), bundles=Counts(1, 0, 3)),
            "success",
            "catalog: 3 added, 1 updated, 3 removed",
        ),
        (result("completed", "UpToDate"), "success", "catalog unchanged"),
        (
            result("completed", items=Counts(1), warnings=2),
            "success",
            "catalog: 1 added, 0 updated, 0 removed; 2 warnings",
        ),
        (
            result("completed", items=Counts(1), errors=1),
            "failure",
            "1 error; catalog: 1 added, 0 updated, 0 removed",
        ),
        (result("rejected", "ProblemsFound", errors=3), "failure", "rejected: 3 errors"),
        (
            result("blocked", "MassRemoval", "would remove 9 of 9"),
            "failure",
            "held back (MassRemoval): would remove 9 of 9",
        ),
        (
            result("failed", "OutOfMemory", "more than 64 MiB"),
            "error",
            "not synced yet (OutOfMemory): more than 64 MiB",
        ),
    ],
)
def test_a_commit_gets_the_status_of_its_sync(
    outcome: SyncResult, state: str, description: str
) -> None:
    assert commit_status(outcome) == {
        "commit": "c" * 40,
        "state": state,
        "description": description,
    }


FIRST = {"path": "catalog/databases/postgres-database.yaml", "line": 4, "code": "bad-range"}


@pytest.mark.parametrize("status", ["completed", "rejected"])
@pytest.mark.parametrize("folder", ["databases", "of/many/" * 30])
def test_an_author_sees_which_file_line_and_code_to_look_at(status: Any, folder: str) -> None:
    first = FIRST | {"path": f"catalog/{folder}/postgres-database.yaml"}
    facts = commit_status(result(status, errors=12, warnings=3), first)
    assert facts is not None
    said = json.loads(github_request(facts, API, ORG, "t", None).body)["description"]
    assert "/postgres-database.yaml:4 bad-range (paod explain bad-range)" in said
    assert not said.endswith("…")


def test_a_command_is_never_cut_in_the_middle() -> None:
    hint = f"paod sync --commit {'c' * 40} --allow-mass-removal"
    message = f"the commit would remove 9 of 9 documents (100 %, at most 20 %); {hint}"
    facts = commit_status(result("blocked", "MassRemoval", message))
    assert facts is not None
    assert facts["description"].endswith("(100 %, at most 20 %)")


def test_no_commit_no_status() -> None:
    assert commit_status(SyncResult("failed", "RemoteTimeout", "")) is None


def test_a_status_is_posted_as_github_documents_it() -> None:
    facts = commit_status(result("completed"))
    assert facts is not None
    request = github_request(facts, API, ORG, "the-token", "https://paod.example.com/status")
    assert request.url == f"{API}/repos/org/pao-repository/statuses/{'c' * 40}"
    assert request.headers == {
        "Accept": "application/vnd.github+json",
        "Authorization": "Bearer the-token",
        "Content-Type": "application/json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    assert json.loads(request.body) == {
        "state": "success",
        "target_url": "https://paod.example.com/status",
        "description": "catalog unchanged",
        "context": "paod/catalog",
    }
    assert "the-token" not in repr(request)


def test_a_long_description_is_cut_to_what_github_takes() -> None:
    facts = commit_status(result("failed", "RemoteError", "m" * 500))
    assert facts is not None
    body = json.loads(github_request(facts, API, ORG, "t", None).body)
    assert len(body["description"]) == 140
    assert body["description"].endswith("m…")
    assert "target_url" not in body


def test_a_repositorys_name_cannot_lead_elsewhere() -> None:
    facts = {"commit": "../../user", "state": "success", "description": ""}
    url = github_request(facts, API, ("or/g", ".."), "t", None).url
    assert url == f"{API}/repos/or%2Fg/../statuses/..%2F..%2Fuser"
