"""A webhook as a Git host sends it: whether it is genuine, and what it asks for. Pure.

Nothing in a payload is an instruction: no URL in it is ever fetched, no revision in it resolved. It
is a hint that the branch may have moved; what is there is asked of the configured repository alone.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonschema_rs

from paod.model import SyncRequest
from paod.strict_json import BadJSON, parse

PARSED_BYTES = 3 * 1024 * 1024
"""A larger payload is not parsed: once its signature holds, it means that something changed."""
COMPLETE_COMMITS = 20
COMPLETE_FILES = 3000
"""From so many on, a host may have left some out of the lists."""
SHOWN_CHARACTERS = 200

FORM = "application/x-www-form-urlencoded"
FILE_KEYS = ("added", "modified", "removed")
URL_KEYS = ("clone_url", "ssh_url", "git_url", "html_url")

PUSH_SHAPE: dict[str, Any] = {
    "type": "object",
    "required": ["ref", "repository"],
    "properties": {
        "ref": {"type": "string", "pattern": r"^refs/[^\x00-\x1f\x7f]+$"},
        "before": {"type": ["string", "null"]},
        "after": {"type": ["string", "null"]},
        "created": {"type": ["boolean", "null"]},
        "deleted": {"type": ["boolean", "null"]},
        "forced": {"type": ["boolean", "null"]},
        "repository": {
            "type": "object",
            "properties": {key: {"type": ["string", "null"]} for key in URL_KEYS},
        },
        "head_commit": {"type": ["object", "null"]},
        "pusher": {"type": ["object", "null"]},
        "commits": {
            "type": ["array", "null"],
            "items": {
                "type": "object",
                "properties": {
                    key: {"type": ["array", "null"], "items": {"type": "string"}}
                    for key in FILE_KEYS
                },
            },
        },
    },
}
"""What is read of a push event; whatever else is in it is passed over."""

_PUSH = jsonschema_rs.validator_for(PUSH_SHAPE, mask="the value")
_DELIVERY = re.compile(r"[0-9A-Za-z]+(-[0-9A-Za-z]+)*")
_HASH = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")
_SCP = re.compile(r"(?:[^@/]+@)?([^:/]+):(?!//)/*(.+)")
_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Followed:
    """What paod follows: a repository's URL, a branch's short name, the root of the catalog."""

    url: str
    branch: str
    root: str


@dataclass(frozen=True, slots=True)
class Decision:
    """What a delivery leads to. ``reason`` is a sentence for whoever reads the host's log.

    ``about`` is what is kept of the payload; a request carries it, too.
    """

    status: Literal["pong", "accepted", "ignored"]
    reason: str = ""
    request: SyncRequest | None = None
    about: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Malformed:
    """A payload that cannot be understood: no JSON, or JSON of another shape."""

    kind: Literal["not-json", "bad-shape"]
    detail: str


def matching_secret(secrets: Iterable[str], body: bytes, header: str | None) -> int | None:
    """Return which secret signed the body (its index), None when none did.

    ``header`` is ``X-Hub-Signature-256`` as it came. Every secret is tried, whatever the header
    looks like, so that all refusals take the same time.
    """
    presented = (header or "").encode("latin-1", "replace")
    matches = [hmac.compare_digest(presented, _signature(secret, body)) for secret in secrets]
    return matches.index(True) if any(matches) else None


def _signature(secret: str, body: bytes) -> bytes:
    return b"sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest().encode()


def is_delivery_id(text: str) -> bool:
    """Return whether a text is a delivery id as Git hosts make them: GUID form, at most 64."""
    return len(text) <= 64 and _DELIVERY.fullmatch(text) is not None


def read_payload(body: bytes, content_type: str | None) -> Mapping[str, Any] | Malformed:
    """Read a payload whose signature holds, as JSON or as a form with ``payload=``."""
    media_type = (content_type or "").partition(";")[0].strip().lower()
    try:
        value = parse(_form_payload(body) if media_type == FORM else body)
    except BadJSON as error:
        return Malformed("not-json", str(error))
    if not isinstance(value, dict):
        return Malformed("bad-shape", "the payload is not a JSON object")
    return value


def _form_payload(body: bytes) -> bytes:
    try:
        fields = parse_qsl(body.decode("ascii"), max_num_fields=16, errors="strict")
    except ValueError:
        raise BadJSON("the body is not a form") from None
    found = [value for name, value in fields if name == "payload"]
    if len(found) != 1:
        raise BadJSON("the form does not have exactly one field named payload")
    return found[0].encode()


def decide_unread(event: str) -> Decision:
    """Decide on a genuine delivery whose payload is too large to be parsed."""
    if event != "push":
        return Decision("ignored", f"{_shown(event)} events are not used")
    reason = "the payload is too large to be read: the branch is looked at"
    return _accept({"event": "push"}, reason)


def decide(event: str, payload: Mapping[str, Any], followed: Followed) -> Decision | Malformed:
    """Decide what a genuine delivery asks for. ``event`` is ``X-GitHub-Event``."""
    if event == "ping":
        return Decision("pong", _ping_warning(payload))
    if event != "push":
        return Decision("ignored", f"{_shown(event)} events are not used")
    for error in _PUSH.iter_errors(payload):
        place = "".join(f"/{part}" for part in error.instance_path) or "/"
        return Malformed("bad-shape", f"at {_shown(place)}: {error.message}")
    return _decide_push(payload, followed)


def _ping_warning(payload: Mapping[str, Any]) -> str:
    hook = payload.get("hook")
    events = hook.get("events") if isinstance(hook, dict) else None
    if isinstance(events, list) and not {"push", "*"} & {str(event) for event in events}:
        return "this hook does not send push events: choose them in its settings"
    return ""


def _decide_push(push: Mapping[str, Any], followed: Followed) -> Decision:
    about = _about(push)
    if not _is_ours(push["repository"], followed.url):
        return Decision("ignored", "the push is to another repository", about=about)
    if push["ref"] != f"refs/heads/{followed.branch}":
        return Decision("ignored", f"the push is to another ref: {about['ref']}", about=about)
    if push.get("deleted") or _is_zeros(push.get("after")):
        reason = "the branch was deleted: the catalog stays as it is"
        return Decision("ignored", reason, about=about)
    if _leaves_catalog_alone(push, followed.root):
        reason = f"none of the files pushed is under {followed.root}/"
        return Decision("accepted", reason, about=about)
    return _accept(about)


def _accept(about: Mapping[str, Any], reason: str = "") -> Decision:
    return Decision("accepted", reason, SyncRequest("webhook", webhook=about), about)


def _is_ours(repository: Mapping[str, Any], url: str) -> bool:
    ours = repository_key(url)
    theirs = {repository_key(repository.get(key) or "") for key in URL_KEYS}
    return bool(ours) and ours in theirs


def repository_key(url: str) -> str:
    """Return what names a repository in all forms of its URL: ``github.com/org/name``.

    Left out are scheme, user, port, ``.git``, and the case of the host's name. "": not a URL.
    """
    scp = None if "://" in url else _SCP.fullmatch(url)
    try:
        parts = urlsplit(f"//{scp[1]}/{scp[2]}" if scp else url)
        host = parts.hostname or ""
    except ValueError:
        return ""
    path = unquote(parts.path).rstrip("/").removesuffix(".git")
    return host + path if path else ""


def _leaves_catalog_alone(push: Mapping[str, Any], root: str) -> bool:
    """Whether the push says, completely, which files it changed, and none is the catalog's.

    A commit without files is a merge or nothing at all; what a merge changed is not told. Nor is
    anything by a list that is null.
    """
    commits = push.get("commits") or []
    if push.get("forced") or push.get("created") or not 0 < len(commits) < COMPLETE_COMMITS:
        return False
    if any(commit.get(key, ()) is None for commit in commits for key in FILE_KEYS):
        return False
    files = [_files(commit) for commit in commits]
    if not all(0 < len(paths) < COMPLETE_FILES for paths in files):
        return False
    return not any(f"{path}/".startswith(f"{root}/") for paths in files for path in paths)


def _files(commit: Mapping[str, Any]) -> list[str]:
    return [path for key in FILE_KEYS for path in commit.get(key, ())]


def _about(push: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is kept of a push to explain a sync by it; its hashes are only ever compared."""
    head = push.get("head_commit") or {}
    pusher = push.get("pusher") or {}
    return {
        "event": "push",
        "ref": _shown(push["ref"]),
        "before": _hash(push.get("before")),
        "after": _hash(push.get("after")),
        "forced": bool(push.get("forced")),
        "head_commit": _hash(head.get("id")),
        "subject": _shown(str(head.get("message", "")).partition("\n")[0]),
        "pusher": _shown(str(pusher.get("name", ""))),
    }


def _hash(value: object) -> str | None:
    return value if isinstance(value, str) and _HASH.fullmatch(value) else None


def _is_zeros(value: object) -> bool:
    return isinstance(value, str) and len(value) in (40, 64) and not value.strip("0")


def _shown(text: str) -> str:
    return _UNSHOWN.sub("?", text[:SHOWN_CHARACTERS])
