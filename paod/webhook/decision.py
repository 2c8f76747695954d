"""What a genuine delivery asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from paod.model import SyncRequest
from paod.repository_url import redact_urls
from paod.webhook.host import Host
from paod.webhook.payload import Malformed
from paod.webhook.push import BRANCHES, Push, shown

ELSEWHERE = "the push is to another repository"
MOVES_NOTHING = "the push moves nothing, as a test button sends it: the branch is looked at"


@dataclass(frozen=True, slots=True)
class Followed:
    """What paod follows: a repository's URL, a branch's short name, the root of the catalog.

    ``aliases``: further URLs of the same repository.
    """

    url: str
    branch: str
    root: str
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What a delivery leads to. ``reason`` is a sentence for whoever reads the host's log.

    ``about`` is what is kept of the payload; a request carries it, too.
    """

    status: Literal["pong", "accepted", "ignored"]
    reason: str = ""
    request: SyncRequest | None = None
    about: Mapping[str, Any] = field(default_factory=dict)
    branch_gone: bool = False
    elsewhere: bool = False
    """Whether it is to a repository that has none of the addresses of ours."""
    unchanged_since: str | None = None
    """A commit after which the push proves to change nothing under the root; ``reason`` says so.

    Where the catalog is at that commit the request is needless.
    """


def decide_unread(host: Host, event: str) -> Decision:
    """Decide on a genuine delivery whose payload is too large to be parsed."""
    if event not in host.pushes:
        return _unused(event)
    reason = "the payload is too large to be read: the branch is looked at"
    return _accept({"event": "push", "host": host.name}, reason)


def decide(
    host: Host, event: str, payload: Mapping[str, Any], followed: Followed
) -> Decision | Malformed:
    """Decide what a genuine delivery asks for. ``event`` is the host's own name of it."""
    if event in host.pings:
        return Decision("pong", _ping_warning(payload))
    if event not in host.pushes | host.deletions:
        return _unused(event)
    push = host.push(payload) if event in host.pushes else host.deletion(payload)
    return push if isinstance(push, Malformed) else _decide_push(host, push, followed)


def _unused(event: str) -> Decision:
    return Decision("ignored", f"{shown(event)} events are not used")


def _ping_warning(payload: Mapping[str, Any]) -> str:
    """Warn of a hook that will never tell of a push: GitHub's ping says what it sends."""
    hook = payload.get("hook")
    events = hook.get("events") if isinstance(hook, dict) else None
    if isinstance(events, list) and not {"push", "*"} & {str(event) for event in events}:
        return "this hook does not send push events: choose them in its settings"
    return ""


def _decide_push(host: Host, push: Push, followed: Followed) -> Decision:
    ours = [move for move in push.moves if move.ref == BRANCHES + followed.branch]
    move = next(iter([*ours, *push.moves]), None)
    about = push.about(host.name, move)
    if not push.is_to((followed.url, *followed.aliases), fold_case=host.folds_case):
        return Decision("ignored", _elsewhere(push), about=about, elsewhere=True)
    if move is None:
        return _accept(about, "the push does not tell what moved: the branch is looked at")
    if not ours:
        return Decision("ignored", f"the push is to another ref: {about['ref']}", about=about)
    if move.moves_nothing:
        return _accept(about, MOVES_NOTHING)
    if move.removes:
        reason = "the branch was deleted: the catalog stays as it is"
        return Decision("ignored", reason, about=about, branch_gone=True)
    if move.leaves_alone(followed.root):
        reason = f"none of the files pushed is under {followed.root}/"
        return replace(_accept(about, reason), unchanged_since=about["before"])
    return _accept(about)


def _elsewhere(push: Push) -> str:
    named = next(iter(push.urls or ()), "")
    return f"{ELSEWHERE}: {shown(redact_urls(named)) or 'its address is not said'}"


def _accept(about: Mapping[str, Any], reason: str = "") -> Decision:
    return Decision("accepted", reason, SyncRequest("webhook", webhook=about), about)
