"""Hosts, events, oddities: the shapes that hosts were seen to send, and what paod does with each.

Written by hand from the hosts' documentation and from what their own programs were seen to send;
nothing here is made by paod's code. ``HEAD`` is the commit that is served. What a row expects:

    pong            a ping's answer
    sync            the branch is looked at
    spared          accepted without a sync: the push proves that it changes nothing that is served
    ignored …       no sync, and the reason that the host's log shows
    gone            ignored, and the alert that the branch is gone
    401             not proven
"""

# ruff: noqa: E501 (a row of the table is one line)

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote_plus

import pytest

from paod.store import Outlets
from tests.databases import on_each_database
from tests.served import POSTGRES, SECRET, URL, Served, item

pytestmark = on_each_database

ZEROS = "0" * 40
OLD, NEW = "a" * 40, "4f0c" * 10
WEB = URL.removesuffix(".git")
Json = dict[str, Any]


def files(commit: str, *paths: str, **more: Any) -> Json:
    return {"id": commit, "added": [], "modified": list(paths), "removed": [], **more}


def github(head: str, **changes: Any) -> Json:
    """A push that changes README.md alone, from the served commit on."""
    return {
        "ref": "refs/heads/main",
        "before": head,
        "after": NEW,
        "created": False,
        "deleted": False,
        "forced": False,
        "repository": {"full_name": "org/pao-repository", "clone_url": URL, "html_url": WEB},
        "pusher": {"name": "ada"},
        "head_commit": {"id": NEW, "message": "Change it"},
        "commits": [files(NEW, "README.md")],
        **changes,
    }


def gitea(head: str, **changes: Any) -> Json:
    """Gitea 1.26 and Forgejo: newest commit first, at most five of them, and no ``forced``."""
    return {
        "ref": "refs/heads/main",
        "before": head,
        "after": NEW,
        "compare_url": f"{WEB}/compare/x...y",
        "commits": [files(NEW, "README.md")],
        "total_commits": 1,
        "head_commit": files(NEW, "README.md"),
        "repository": {"id": 1, "clone_url": URL, "ssh_url": "git@x:y.git", "html_url": WEB},
        "pusher": {"id": 1, "login": "ada", "username": "ada"},
        "sender": {"id": 1, "login": "ada", "username": "ada"},
        **changes,
    }


def gitlab(head: str, **changes: Any) -> Json:
    return {
        "object_kind": "push",
        "event_name": "push",
        "ref": "refs/heads/main",
        "before": head,
        "after": NEW,
        "checkout_sha": NEW,
        "user_name": "ada",
        "project": {"web_url": WEB, "git_http_url": URL, "git_ssh_url": "git@x:y.git"},
        "commits": [files(NEW, "README.md", message="Change it\n")],
        "total_commits_count": 1,
        **changes,
    }


def deletion(ref: str = "main", kind: str = "branch", **repository: str) -> Json:
    """GitHub's, Gitea's and Forgejo's event beside the push; Gitea sends no push for it."""
    return {
        "ref": ref,
        "ref_type": kind,
        "pusher_type": "user",
        "repository": {"clone_url": URL, "html_url": WEB} | repository,
        "sender": {"login": "ada"},
    }


def cloud(*changes: Json) -> Json:
    links = {"self": {"href": "https://api.bitbucket.org/x"}, "html": {"href": WEB}}
    return {
        "push": {"changes": list(changes)},
        "repository": {"type": "repository", "full_name": "org/pao-repository", "links": links},
        "actor": {"display_name": "ada"},
    }


def side(commit: str, name: str = "main", kind: str = "branch") -> Json:
    return {"type": kind, "name": name, "target": {"type": "commit", "hash": commit}}


def change(old: Json | None, new: Json | None, **more: Any) -> Json:
    states = {"created": old is None, "closed": new is None, "forced": False, "truncated": False}
    return {"old": old, "new": new, **states, **more}


def center(kind: str, before: str, after: str, ref: str = "refs/heads/main") -> Json:
    clone = [{"name": "http", "href": URL}, {"name": "ssh", "href": "ssh://git@x:7999/y.git"}]
    return {
        "eventKey": "repo:refs_changed",
        "actor": {"name": "ada", "displayName": "ada"},
        "repository": {"slug": "pao-repository", "links": {"clone": clone}},
        "changes": [
            {"ref": {"id": ref}, "refId": ref, "fromHash": before, "toHash": after, "type": kind}
        ],
    }


def digest(text: bytes) -> str:
    return hmac.new(SECRET.encode(), text, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Way:
    """How a host calls: its receiver, and its headers for an event and for what is signed."""

    receiver: str
    event: str
    delivery: str
    proof: str
    prefix: str = "sha256="
    more: tuple[str, ...] = ()
    signs_json_of_form: bool = False

    def headers(self, event: str, signed: bytes) -> dict[str, str]:
        shown = SECRET if self.proof == "X-Gitlab-Token" else self.prefix + digest(signed)
        headers = {self.event: event, self.delivery: str(uuid.uuid4()), self.proof: shown}
        headers |= {f"X-{name}-Event": event for name in self.more}
        return headers


GITHUB = Way("github", "X-GitHub-Event", "X-GitHub-Delivery", "X-Hub-Signature-256")
GITLAB = Way("gitlab", "X-Gitlab-Event", "Idempotency-Key", "X-Gitlab-Token", "")
GITEA = Way(
    *("gitea", "X-Gitea-Event", "X-Gitea-Delivery", "X-Gitea-Signature", ""),
    more=("GitHub", "Gogs"),
    signs_json_of_form=True,
)
FORGEJO = Way(
    *("gitea", "X-Forgejo-Event", "X-Forgejo-Delivery", "X-Forgejo-Signature", ""),
    more=("Gitea", "GitHub", "Gogs"),
    signs_json_of_form=True,
)
GITEA_AT_GITHUB = Way(
    *("github", "X-GitHub-Event", "X-GitHub-Delivery", "X-Hub-Signature-256"),
    more=("Gitea",),
    signs_json_of_form=True,
)
CLOUD = Way("bitbucket", "X-Event-Key", "X-Request-UUID", "X-Hub-Signature")
CENTER = Way("bitbucket", "X-Event-Key", "X-Request-Id", "X-Hub-Signature")
WAYS = {
    "GitHub": GITHUB,
    "GitLab": GITLAB,
    "Gitea": GITEA,
    "Gitea at /github": GITEA_AT_GITHUB,
    "Forgejo": FORGEJO,
    "Bitbucket Cloud": CLOUD,
    "Bitbucket Data Center": CENTER,
}


@dataclass(frozen=True)
class Row:
    host: str
    event: str
    oddity: str
    payload: Json
    does: str
    form: bool = False
    changes: Json = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.host}, {self.event}: {self.oddity}"


HEAD = "<head>"
"""Stands in a payload for the commit that is served."""
MANY = [files(NEW, "README.md")] * 20
FIVE = [files(NEW, "README.md"), *[files(OLD, "README.md")] * 4]
EMPTY = {"added": None, "modified": None, "removed": None}
MOVED = {"clone_url": "https://github.com/new/name.git", "html_url": "https://github.com/new/name"}
CASED = {"clone_url": "https://GitHub.com/Org/PAO-Repository.git"}
TEST_BUTTON = {"before": ZEROS, "after": ZEROS}

TABLE = [
    Row("GitHub", "ping", "a hook for pushes", {"hook": {"events": ["push"]}}, "pong"),
    Row("GitHub", "push", "whole, and starts where the catalog is", github(HEAD), "spared"),
    Row("GitHub", "push", "the one before it was lost", github(OLD), "sync"),
    Row("GitHub", "push", "a file of the catalog", github(HEAD, commits=[files(NEW, POSTGRES)]), "sync"),
    Row("GitHub", "push", "forced", github(HEAD, forced=True), "sync"),
    Row("GitHub", "push", "of an older server, without forced", github(HEAD, forced=None), "sync"),
    Row("GitHub", "push", "the branch is new", github(ZEROS, created=True), "sync"),
    Row("GitHub", "push", "so many commits that some may lack", github(HEAD, commits=MANY), "sync"),
    Row("GitHub", "push", "its newest commit is not listed", github(HEAD, commits=[files(OLD, "x")]), "sync"),
    Row("GitHub", "push", "a merge, without files", github(HEAD, commits=[files(NEW)]), "sync"),
    Row("GitHub", "push", "lists that are null", github(HEAD, commits=[{"id": NEW, **EMPTY}]), "sync"),
    Row("GitHub", "push", "no commits", github(HEAD, commits=[]), "sync"),
    Row("GitHub", "push", "a tag", github(HEAD, ref="refs/tags/main"), "ignored another ref"),
    Row("GitHub", "push", "as a form, signed as it is", github(OLD), "sync", form=True),
    Row("GitHub", "push", "owner and name in another case", github(OLD, repository=CASED), "sync"),
    Row("GitHub", "push", "renamed or transferred", github(HEAD, repository=MOVED), "ignored another repository"),
    Row("GitHub", "push", "the branch deleted", github(HEAD, after=ZEROS, deleted=True, commits=[]), "gone"),
    Row("GitHub", "delete", "the branch deleted", deletion(), "gone"),
    Row("GitHub", "delete", "a tag of its name", deletion(kind="tag"), "ignored another ref"),
    Row("GitHub", "repository", "not used", {"action": "renamed"}, "ignored events are not used"),
    Row("GitLab", "Push Hook", "its file lists are not believed", gitlab(HEAD), "sync"),
    Row("GitLab", "Push Hook", "20 of 40 commits", gitlab(HEAD, commits=MANY, total_commits_count=40), "sync"),
    Row("GitLab", "Push Hook", "the branch deleted", gitlab(HEAD, after=ZEROS, checkout_sha=None, commits=[]), "gone"),
    Row("GitLab", "Push Hook", "the branch is new", gitlab(ZEROS), "sync"),
    Row("GitLab", "Tag Push Hook", "not used", gitlab(HEAD, ref="refs/tags/v1"), "ignored events are not used"),
    Row("GitLab", "System Hook", "not used", gitlab(HEAD), "ignored events are not used"),
    Row("Gitea", "push", "its file lists are not believed", gitea(HEAD), "sync"),
    Row("Gitea", "push", "the test button", gitea(HEAD, **TEST_BUTTON), "sync"),
    Row("Gitea", "push", "as a form, its JSON signed", gitea(HEAD), "sync", form=True),
    Row("Gitea", "delete", "the branch deleted", deletion(), "gone"),
    Row("Gitea", "delete", "another branch deleted", deletion("topic"), "ignored another ref"),
    Row("Gitea", "delete", "of another repository", deletion(clone_url="https://x.example/a/b", html_url=""), "ignored another repository"),
    Row("Gitea", "create", "not used", deletion(), "ignored events are not used"),
    Row("Gitea at /github", "push", "5 of 7 commits, and no forced", gitea(HEAD, commits=FIVE, total_commits=7), "sync"),
    Row("Gitea at /github", "push", "forced, and not said so", gitea(HEAD), "sync"),
    Row("Gitea at /github", "push", "the test button", gitea(HEAD, **TEST_BUTTON), "sync"),
    Row("Gitea at /github", "push", "as a form, its JSON signed", gitea(OLD), "sync", form=True),
    Row("Forgejo", "push", "its file lists are not believed", gitea(HEAD), "sync"),
    Row("Forgejo", "push", "the test button", gitea(HEAD, **TEST_BUTTON), "sync"),
    Row("Forgejo", "push", "as a form, its JSON signed", gitea(HEAD), "sync", form=True),
    Row("Forgejo", "delete", "the branch deleted", deletion("refs/heads/main"), "gone"),
    Row("Bitbucket Cloud", "repo:push", "one ref", cloud(change(side(OLD), side(NEW))), "sync"),
    Row("Bitbucket Cloud", "repo:push", "forced", cloud(change(side(OLD), side(NEW), forced=True)), "sync"),
    Row("Bitbucket Cloud", "repo:push", "ours is the second ref", cloud(change(None, side(NEW, "x")), change(side(OLD), side(NEW))), "sync"),
    Row("Bitbucket Cloud", "repo:push", "the branch deleted", cloud(change(side(OLD), None)), "gone"),
    Row("Bitbucket Cloud", "repo:push", "a tag deleted", cloud(change(side(OLD, kind="tag"), None)), "ignored another ref"),
    Row("Bitbucket Cloud", "repo:push", "neither side", cloud(change(None, None)), "ignored another ref"),
    Row("Bitbucket Cloud", "repo:push", "no change", cloud(), "sync"),
    Row("Bitbucket Cloud", "repo:fork", "not used", {}, "ignored events are not used"),
    Row("Bitbucket Data Center", "diagnostics:ping", "signed", {"test": True}, "pong"),
    Row("Bitbucket Data Center", "repo:refs_changed", "moved", center("UPDATE", OLD, NEW), "sync"),
    Row("Bitbucket Data Center", "repo:refs_changed", "the branch is new", center("ADD", ZEROS, NEW), "sync"),
    Row("Bitbucket Data Center", "repo:refs_changed", "the branch deleted", center("DELETE", OLD, ZEROS), "gone"),
    Row("Bitbucket Data Center", "repo:refs_changed", "another branch", center("UPDATE", OLD, NEW, "refs/heads/x"), "ignored another ref"),
]  # fmt: skip


def call(served: Served, row: Row, head: str) -> Any:
    way = WAYS[row.host]
    payload = json.dumps(row.payload).replace(HEAD, head).encode()
    body = b"payload=" + quote_plus(payload).encode() if row.form else payload
    signed = payload if way.signs_json_of_form else body
    kind = "application/x-www-form-urlencoded" if row.form else "application/json"
    headers = way.headers(row.event, signed) | {"Content-Type": kind}
    path = f"/api/v1/webhooks/{way.receiver}"
    return served.client.simulate_post(path, body=body, headers=headers)


def alerts(served: Served) -> int:
    found = served.store.database.query("SELECT COUNT(*) AS n FROM told_troubles")
    return int(found[0]["n"])


@pytest.fixture(name="served", scope="module")
def _served(tmp_path_factory, each_database):
    extra = {"PAO_WEBHOOK_RATE": "1000/second"}
    folder, told = tmp_path_factory.mktemp("table"), Outlets(alerts=True)
    served = Served(folder, extra, clock=lambda: 0.0, outlets=told)
    served.push({POSTGRES: item()})
    yield served
    served.store.close()


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_what_paod_does_with_what_a_host_sends(served, row):
    with served.store.database.atomic():
        served.store.database.execute("DELETE FROM told_troubles")
    head = served.store.head().commit
    answer = call(served, row, head)
    assert answer.status_code == 200, answer.text
    what, _, why = row.does.partition(" ")
    status = {"pong": "pong", "sync": "accepted", "spared": "accepted"}.get(what, "ignored")
    assert answer.json["status"] == status
    assert answer.json.get("sync_triggered", False) == (what == "sync")
    assert why in answer.json.get("reason", "")
    assert alerts(served) == (what == "gone")
    if what == "spared":
        assert served.store.commit_state(NEW) == "applied"
        again = call(served, row, head)
        assert again.json["sync_triggered"] is False, "and so is the same once more"


def test_every_receiver_of_a_host_is_in_the_table():
    assert {row.host for row in TABLE} == set(WAYS)


@pytest.mark.parametrize("host", ["Gitea", "Forgejo", "Gitea at /github", "GitHub"])
def test_a_form_whose_json_was_changed_is_not_proven(served, host):
    way = WAYS[host]
    payload = json.dumps(github(OLD)).encode()
    body = b"payload=" + quote_plus(payload + b" ").encode()
    for signed in (payload, body + b"&x=1"):
        headers = way.headers("push", signed) | {
            "Content-Type": "application/x-www-form-urlencoded"
        }
        path = f"/api/v1/webhooks/{way.receiver}"
        assert served.client.simulate_post(path, body=body, headers=headers).status_code == 401


def test_a_push_to_where_the_host_redirects_is_ours(tmp_path, each_database):
    extra = {"PAO_REPO_ALIASES": "git@git.example.com:Former/Name.git"}
    served = Served(tmp_path, extra)
    moved = next(row for row in TABLE if row.oddity == "renamed or transferred")
    answer = call(served, moved, OLD).json
    assert answer["reason"].endswith("another repository: https://github.com/new/name.git")
    assert served.store.note_moved("https://github.com/New/name")
    assert call(served, moved, OLD).json["sync_triggered"] is True
    former = {"clone_url": "https://git.example.com/former/name"}
    alias = Row("GitHub", "push", "", github(OLD, repository=former), "sync")
    assert call(served, alias, OLD).json["sync_triggered"] is True
    served.store.close()


def push(before: str, after: str) -> Row:
    commits = [files(after, "README.md")]
    return Row("GitHub", "push", "", github(before, after=after, commits=commits), "")


def test_a_lost_delivery_is_made_up_for_by_the_next_one(tmp_path, each_database):
    """A is served; B adds an item and its delivery is lost; C changes README.md alone."""
    served = Served(tmp_path)
    served.push({POSTGRES: item()})
    head = served.store.head().commit
    assert call(served, push(OLD, NEW), head).json["sync_triggered"] is True
    assert served.store.commit_state(NEW) == "pending"
    served.store.close()


def test_commits_that_change_nothing_are_passed_one_after_the_other(tmp_path, each_database):
    served = Served(tmp_path)
    served.push({POSTGRES: item()})
    head = served.store.head().commit
    first, second, third = ("1" * 40, "2" * 40, "3" * 40)
    assert call(served, push(head, first), head).json["sync_triggered"] is False
    assert call(served, push(first, second), head).json["sync_triggered"] is False
    states = [served.store.commit_state(one) for one in (head, first, second, third)]
    assert states == ["applied", "superseded", "applied", None]
    served.push({POSTGRES: item(version="1.1.0")})
    assert call(served, push(second, third), head).json["sync_triggered"] is True
    served.store.close()


def test_a_catalog_that_is_held_is_passed_by_nothing(tmp_path, each_database):
    served = Served(tmp_path)
    served.push({POSTGRES: item()})
    head = served.store.head().commit
    served.pin(head)
    assert call(served, push(head, NEW), head).json["sync_triggered"] is True
    served.store.close()
