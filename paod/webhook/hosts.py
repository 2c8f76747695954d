"""The hosts that paod knows. What each sends is its own documentation's word.

GitHub alone says of every push whether it was forced, so the lists of files of its commits (and
those of whoever writes the generic shape, with ``forced``) may count; the others' pushes are always
looked at, Gitea's also where it is set up to send GitHub's shape, which lacks ``forced``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paod.webhook import shapes
from paod.webhook.host import Host
from paod.webhook.push import BRANCHES, GITHUB_URLS, Move, Push, is_zeros, urls_in
from paod.webhook.signature import body_signature, gitlab_proof

Json = Mapping[str, Any]


def _github(payload: Json) -> Push:
    head, pusher = payload.get("head_commit") or {}, payload.get("pusher") or {}
    move = _move(payload, payload.get("commits") or (), str(head.get("message", "")))
    urls = urls_in(payload["repository"], GITHUB_URLS)
    return Push(urls, [move], str(pusher.get("name", "")), head.get("id"))


def _gitea(payload: Json) -> Push:
    head, pusher = payload.get("head_commit") or {}, payload.get("pusher") or {}
    move = _move(payload, (), str(head.get("message", "")))
    urls = urls_in(payload["repository"], GITHUB_URLS)
    return Push(urls, [move], str(pusher.get("username", "")), head.get("id"))


def _gitlab(payload: Json) -> Push:
    after = payload.get("after")
    commits = payload.get("commits") or ()
    subject = next((str(one.get("message", "")) for one in commits if one.get("id") == after), "")
    urls = urls_in(payload["project"], shapes.GITLAB_URLS)
    return Push(urls, [_move(payload, (), subject)], str(payload.get("user_name") or ""), after)


def _generic(payload: Json) -> Push:
    url = payload.get("repository")
    move = _move(payload, payload.get("commits") or (), "")
    return Push(None if url is None else [url], [move], str(payload.get("pusher") or ""))


def _move(payload: Json, commits: Any, subject: str) -> Move:
    """Read a move as GitHub writes it, and most others after it."""
    return Move(
        payload["ref"],
        payload.get("before"),
        payload.get("after"),
        created=bool(payload.get("created")) or is_zeros(payload.get("before")),
        deleted=bool(payload.get("deleted")),
        forced=payload.get("forced"),
        commits=commits,
        total=payload.get("total_commits"),
        subject=subject,
    )


def _bitbucket(payload: Json) -> Push:
    """Read a push of Bitbucket Cloud, or of Data Center, which has another shape altogether."""
    links = payload["repository"].get("links") or {}
    urls = [link["href"] for key in shapes.BITBUCKET_LINKS for link in _several(links.get(key))]
    actor = payload.get("actor") or {}
    pusher = actor.get("display_name") or actor.get("displayName") or ""
    if "push" in payload:
        moves = [_cloud_move(change) for change in payload["push"]["changes"]]
    else:
        moves = [_data_center_move(change) for change in payload["changes"]]
    return Push(urls, moves, str(pusher))


def _several(links: Any) -> list[Json]:
    return links if isinstance(links, list) else [links] if links else []


def _cloud_move(change: Json) -> Move:
    new, old = change.get("new") or {}, change.get("old") or {}
    there = new or old
    kind = "refs/tags/" if there.get("type") == "tag" else BRANCHES
    target = new.get("target") or {}
    return Move(
        kind + there.get("name", ""),
        (old.get("target") or {}).get("hash"),
        target.get("hash"),
        created=bool(change.get("created")),
        deleted=bool(old) and not new,
        forced=change.get("forced"),
        subject=str(target.get("message", "")),
    )


def _data_center_move(change: Json) -> Move:
    return Move(
        change["ref"]["id"],
        change.get("fromHash"),
        change.get("toHash"),
        created=change.get("type") == "ADD",
        deleted=change.get("type") == "DELETE",
    )


_HUB_256 = ("X-Hub-Signature-256", "sha256=")

HOSTS: Mapping[str, Host] = {
    host.name: host
    for host in (
        Host(
            name="github",
            title="GitHub",
            genuine=body_signature(_HUB_256),
            proof_headers=("X-Hub-Signature-256",),
            event_headers=("X-GitHub-Event",),
            delivery_headers=("X-GitHub-Delivery",),
            shape=shapes.GITHUB,
            read=_github,
            deletions=frozenset({"delete"}),
        ),
        Host(
            name="gitlab",
            title="GitLab",
            genuine=gitlab_proof,
            proof_headers=("X-Gitlab-Token", "webhook-signature"),
            event_headers=("X-Gitlab-Event",),
            delivery_headers=("webhook-id", "Idempotency-Key"),
            shape=shapes.GITLAB,
            read=_gitlab,
            pushes=frozenset({"Push Hook"}),
        ),
        Host(
            name="gitea",
            title="Gitea and Forgejo",
            genuine=body_signature(
                ("X-Forgejo-Signature", ""), ("X-Gitea-Signature", ""), _HUB_256
            ),
            proof_headers=("X-Forgejo-Signature", "X-Gitea-Signature", "X-Hub-Signature-256"),
            event_headers=("X-Forgejo-Event", "X-Gitea-Event"),
            delivery_headers=("X-Forgejo-Delivery", "X-Gitea-Delivery"),
            shape=shapes.GITEA,
            read=_gitea,
            deletions=frozenset({"delete"}),
        ),
        Host(
            name="bitbucket",
            title="Bitbucket",
            genuine=body_signature(("X-Hub-Signature", "sha256=")),
            proof_headers=("X-Hub-Signature",),
            event_headers=("X-Event-Key",),
            delivery_headers=("X-Request-UUID", "X-Request-Id"),
            shape=shapes.BITBUCKET,
            read=_bitbucket,
            pushes=frozenset({"repo:push", "repo:refs_changed"}),
            pings=frozenset({"ping", "diagnostics:ping"}),
        ),
        Host(
            name="generic",
            title="any other host",
            genuine=body_signature(_HUB_256),
            proof_headers=("X-Hub-Signature-256",),
            event_headers=("X-Event",),
            delivery_headers=("X-Delivery",),
            shape=shapes.GENERIC,
            read=_generic,
            event_unless_told="push",
            folds_case=False,
            told_apart_by_bytes=False,
        ),
    )
}
"""By their names."""
