"""What each Git host really sends, cut down to what matters: written from the hosts' own words.

Nothing here is made by the program's own code, so that a mistake in it cannot hide itself.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from falcon.testing import Result

from tests.served import SECRET, URL, Served

BEFORE = "b" * 40
AFTER = "4f0c" * 10
ZEROS = "0" * 40
OTHER = "https://github.com/org/other.git"
Json = dict[str, Any]


def digest(body: bytes, secret: str) -> str:
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def standard(secret: str, call_id: str, seconds: str, body: bytes) -> str:
    """Sign as GitLab does with a signing token."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b"%s.%s.%s" % (call_id.encode(), seconds.encode(), body)
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def github(ref: str, before: str, after: str, url: str, files: list[str]) -> Json:
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "created": before == ZEROS,
        "deleted": after == ZEROS,
        "forced": False,
        "repository": {"full_name": "org/x", "clone_url": url, "html_url": url[:-4]},
        "pusher": {"name": "ada", "email": "ada@example.com"},
        "head_commit": {"id": after, "message": "Change it"},
        "commits": [{"id": after, "added": files, "modified": [], "removed": []}],
    }


def gitlab(ref: str, before: str, after: str, url: str, files: list[str]) -> Json:
    return {
        "object_kind": "push",
        "event_name": "push",
        "ref": ref,
        "before": before,
        "after": after,
        "checkout_sha": None if after == ZEROS else after,
        "user_name": "ada",
        "project": {"id": 15, "web_url": url[:-4], "git_http_url": url, "git_ssh_url": "git@x:y"},
        "commits": [{"id": after, "message": "Change it\n", "added": files, "modified": []}],
        "total_commits_count": 1,
    }


def gitea(ref: str, before: str, after: str, url: str, files: list[str]) -> Json:
    return {
        "ref": ref,
        "before": before,
        "after": after,
        "compare_url": f"{url}/compare",
        "commits": [{"id": after, "message": "Change it", "added": files, "modified": None}],
        "head_commit": {"id": after, "message": "Change it"},
        "repository": {"id": 140, "clone_url": url, "ssh_url": "git@x:y", "html_url": url[:-4]},
        "pusher": {"id": 1, "login": "ada", "username": "ada"},
    }


def cloud(ref: str, before: str, after: str, url: str, _files: list[str]) -> Json:
    def side(commit: str) -> Json | None:
        if commit == ZEROS:
            return None
        kind, name = ref.removeprefix("refs/").split("/", 1)
        target = {"type": "commit", "hash": commit, "message": "Change it\n"}
        return {"type": "tag" if kind == "tags" else "branch", "name": name, "target": target}

    change = {"old": side(before), "new": side(after), "truncated": False, "forced": False}
    change |= {"created": before == ZEROS, "closed": after == ZEROS, "commits": []}
    links = {
        "self": {"href": "https://api.host.example/x"},
        "html": {"href": url.removesuffix(".git")},
    }
    return {
        "push": {"changes": [change]},
        "repository": {"type": "repository", "full_name": "org/x", "links": links},
        "actor": {"display_name": "ada"},
    }


def data_center(ref: str, before: str, after: str, url: str, _files: list[str]) -> Json:
    kind = {before: "ADD", after: "DELETE"}.get(ZEROS, "UPDATE")
    clone = [{"name": "http", "href": url}, {"name": "ssh", "href": "ssh://git@x:7999/y.git"}]
    return {
        "eventKey": "repo:refs_changed",
        "actor": {"name": "ada", "displayName": "ada"},
        "repository": {"slug": "x", "links": {"clone": clone, "self": [{"href": "https://x/y"}]}},
        "changes": [
            {
                "ref": {"id": ref, "displayId": ref.split("/", 2)[2], "type": "BRANCH"},
                "refId": ref,
                "fromHash": before,
                "toHash": after,
                "type": kind,
            }
        ],
    }


def generic(ref: str, before: str, after: str, url: str, files: list[str]) -> Json:
    commits = [{"added": files}]
    return {"ref": ref, "before": before, "after": after, "repository": url, "commits": commits}


@dataclass(frozen=True)
class Sender:
    name: str
    host: str
    payload: Callable[[str, str, str, str, list[str]], Json]
    proof: Callable[[bytes, str], dict[str, str]]
    event_header: str
    delivery_header: str
    push_event: str = "push"
    other_event: str = "issues"
    ping_event: str = "ping"
    braces: bool = False
    needs_event: bool = True

    def push(
        self,
        ref: str = "refs/heads/main",
        *,
        before: str = BEFORE,
        after: str = AFTER,
        url: str = URL,
        files: list[str] | None = None,
    ) -> Json:
        return self.payload(ref, before, after, url, files or ["catalog/x/y.yaml"])

    def headers(
        self, body: bytes, delivery: str | None, event: str | None, secret: str = SECRET
    ) -> dict[str, str]:
        sent = {"Content-Type": "application/json", **self.proof(body, secret)}
        if event is not None:
            sent[self.event_header] = event
        if delivery is not None:
            sent[self.delivery_header] = f"{{{delivery}}}" if self.braces else delivery
        return sent

    def deliver(
        self,
        served: Served,
        payload: Json | bytes,
        delivery: str | None,
        event: str | None = "",
        **headers: str,
    ) -> Result:
        """Post a genuine delivery, a push where no event is named; ``headers`` go over its own."""
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        sent = self.headers(body, delivery, self.push_event if event == "" else event)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"/api/v1/webhooks/{self.host}"
        return served.client.simulate_post(path, body=body, headers=sent | named)


def _hub_256(body: bytes, secret: str) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + digest(body, secret)}


def _hub(body: bytes, secret: str) -> dict[str, str]:
    return {"X-Hub-Signature": "sha256=" + digest(body, secret)}


SENDERS = (
    Sender(
        "github",
        "github",
        github,
        _hub_256,
        "X-GitHub-Event",
        "X-GitHub-Delivery",
    ),
    Sender(
        "gitlab",
        "gitlab",
        gitlab,
        lambda _body, secret: {"X-Gitlab-Token": secret},
        "X-Gitlab-Event",
        "Idempotency-Key",
        push_event="Push Hook",
        other_event="Issue Hook",
    ),
    Sender(
        "gitea",
        "gitea",
        gitea,
        lambda body, secret: {"X-Gitea-Signature": digest(body, secret)},
        "X-Gitea-Event",
        "X-Gitea-Delivery",
    ),
    Sender(
        "forgejo",
        "gitea",
        gitea,
        lambda body, secret: {
            "X-Forgejo-Signature": digest(body, secret),
            "X-Gitea-Signature": digest(body, secret),
            **_hub_256(body, secret),
        },
        "X-Forgejo-Event",
        "X-Forgejo-Delivery",
    ),
    Sender(
        "bitbucket-cloud",
        "bitbucket",
        cloud,
        _hub,
        "X-Event-Key",
        "X-Request-UUID",
        push_event="repo:push",
        other_event="repo:fork",
        braces=True,
    ),
    Sender(
        "bitbucket-data-center",
        "bitbucket",
        data_center,
        _hub,
        "X-Event-Key",
        "X-Request-Id",
        push_event="repo:refs_changed",
        other_event="repo:forked",
        ping_event="diagnostics:ping",
    ),
    Sender(
        "generic",
        "generic",
        generic,
        _hub_256,
        "X-Event",
        "X-Delivery",
        needs_event=False,
    ),
)
