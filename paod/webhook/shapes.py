"""What is read of each host's push event, as JSON Schema; the rest of an event is passed over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from paod.webhook.push import FILE_KEYS, GITHUB_URLS

GITLAB_URLS = ("git_http_url", "git_ssh_url", "web_url", "http_url", "ssh_url")
BITBUCKET_LINKS = ("html", "clone", "self")

_TEXT = {"type": ["string", "null"]}
_FLAG = {"type": ["boolean", "null"]}
_OBJECT = {"type": ["object", "null"]}
_REF = {"type": "string", "pattern": r"^refs/[^\x00-\x1f\x7f]+$"}


def _texts(keys: Iterable[str]) -> dict[str, Any]:
    return {"type": "object", "properties": dict.fromkeys(keys, _TEXT)}


_COMMITS = {
    "type": ["array", "null"],
    "items": {
        "type": "object",
        "properties": {
            key: {"type": ["array", "null"], "items": {"type": "string"}} for key in FILE_KEYS
        },
    },
}
_MOVE = {
    "ref": _REF,
    "before": _TEXT,
    "after": _TEXT,
    "created": _FLAG,
    "deleted": _FLAG,
    "forced": _FLAG,
}

GITHUB: dict[str, Any] = {
    "type": "object",
    "required": ["ref", "repository"],
    "properties": {
        **_MOVE,
        "repository": _texts(GITHUB_URLS),
        "head_commit": _OBJECT,
        "pusher": _OBJECT,
        "commits": _COMMITS,
    },
}
DELETION: dict[str, Any] = {
    "type": "object",
    "required": ["ref", "ref_type", "repository"],
    "properties": {
        "ref": {"type": "string", "pattern": r"^[^\x00-\x1f\x7f]+$"},
        "ref_type": {"type": "string"},
        "repository": _texts(GITHUB_URLS),
        "sender": _texts(("login",)),
    },
}
"""Of GitHub, Gitea and Forgejo; ``ref`` is the branch's short name."""
GITEA: dict[str, Any] = {
    "type": "object",
    "required": ["ref", "repository"],
    "properties": {key: value for key, value in GITHUB["properties"].items() if key != "commits"},
}
GITLAB: dict[str, Any] = {
    "type": "object",
    "required": ["ref", "project"],
    "properties": {
        "ref": _REF,
        "before": _TEXT,
        "after": _TEXT,
        "project": _texts(GITLAB_URLS),
        "user_name": _TEXT,
        "commits": {"type": ["array", "null"], "items": {"type": "object"}},
    },
}
GENERIC: dict[str, Any] = {
    "type": "object",
    "required": ["ref"],
    "properties": {**_MOVE, "repository": _TEXT, "pusher": _TEXT, "commits": _COMMITS},
}

_LINK = {"type": "object", "required": ["href"], "properties": {"href": {"type": "string"}}}
_LINKS = {"anyOf": [{"type": "null"}, _LINK, {"type": "array", "items": _LINK}]}
_TARGET = {"type": ["object", "null"], "properties": {"hash": _TEXT, "message": _TEXT}}
_CLOUD_REF = {
    "type": ["object", "null"],
    "required": ["name"],
    "properties": {"type": _TEXT, "name": {"type": "string"}, "target": _TARGET},
}
_CLOUD_CHANGE = {
    "type": "object",
    "properties": {"new": _CLOUD_REF, "old": _CLOUD_REF, "created": _FLAG, "forced": _FLAG},
}
_DATA_CENTER_CHANGE = {
    "type": "object",
    "required": ["ref"],
    "properties": {
        "ref": {"type": "object", "required": ["id"], "properties": {"id": _REF}},
        "fromHash": _TEXT,
        "toHash": _TEXT,
        "type": _TEXT,
    },
}

BITBUCKET: dict[str, Any] = {
    "type": "object",
    "required": ["repository"],
    "properties": {
        "repository": {
            "type": "object",
            "properties": {
                "links": {
                    "type": ["object", "null"],
                    "properties": dict.fromkeys(BITBUCKET_LINKS, _LINKS),
                }
            },
        },
        "actor": _OBJECT,
        "push": {
            "type": "object",
            "required": ["changes"],
            "properties": {"changes": {"type": "array", "items": _CLOUD_CHANGE}},
        },
        "changes": {"type": "array", "items": _DATA_CENTER_CHANGE},
    },
    "anyOf": [{"required": ["push"]}, {"required": ["changes"]}],
}
"""``push`` is Bitbucket Cloud's, ``changes`` beside the repository Data Center's."""
