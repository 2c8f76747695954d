"""An alert in the form that its receiver takes: JSON signed as GitHub signs, or Slack's."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from paod.messages.words import cut

MOST_TEXT = 3000
"""Characters of a text for Slack, which shows no more than some thousand."""
_MARKS: Mapping[str, str] = {
    "error": ":red_circle:",
    "warning": ":large_yellow_circle:",
    "info": ":large_green_circle:",
}
_CONTROLS = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_JOINER = "\u2060"
_MARKING = re.compile(
    r"(?<!\w)(?:[*_~`]|:(?=\w))|[*_~`](?!\w)"  # bold, italic, struck, code, :emoji:
    r"|[@#](?=\w)"  # names somebody, or a channel
    r"|(?<=:)/(?=/)"  # a URL
    r"|(?<=\w)\.(?!ya?ml\b)(?=[A-Za-z]{2})"  # a host's name, and no file's
)
"""Where a mark begins or ends. Slack has no escape for these (and what takes its form even less):
with characters around it that nobody sees, none of them marks anything."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be posted. The URL and the headers may hold secrets."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes


def alert_request(
    facts: Mapping[str, Any],
    url: str,
    form: Literal["json", "slack"],
    secret: str | None,
) -> Request:
    """Return the request that tells an alert; with a ``secret`` JSON is signed.

    ``facts`` are those of the alert with its ``id``, ``time``, ``repository``, ``branch`` and
    ``link``.
    """
    if form == "slack":
        body = orjson.dumps({"text": slack_text(facts)})
        return Request(url, {"Content-Type": "application/json"}, body)
    body = orjson.dumps(facts)
    headers = {
        "Content-Type": "application/json",
        "X-Paod-Alert": str(facts["alert"]),
        "X-Paod-Delivery": str(facts["id"]),
    }
    if secret is not None:
        digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        headers["X-Hub-Signature-256"] = f"sha256={digest}"
    return Request(url, headers, body)


def slack_text(facts: Mapping[str, Any]) -> str:
    """Return an alert as a text in Slack's mrkdwn, escaped: what others wrote marks nothing up."""
    where = (
        f"{_escaped(facts['repository'])} ({_escaped(facts['branch'])}), {_minute(facts['time'])}"
    )
    mark = _MARKS[facts["severity"]]
    lines = [f"{mark} *{facts['alert']}* {where}", _plain(facts["summary"])]
    problems = facts.get("problems")
    lines += [_problem(one) for one in problems] if isinstance(problems, list) else []
    for name in ("added", "changed", "removed"):
        if names := [_plain(one["name"]) for one in facts.get(name, ())]:
            lines.append(f"{name}: {', '.join(names)}")
    text = cut("\n".join(lines), MOST_TEXT)
    return f"{text}\n<{facts['link']}|status>" if facts.get("link") else text


def redacted(facts: Any, redact: Callable[[str], str]) -> Any:
    """Return facts with every text in them redacted."""
    if isinstance(facts, str):
        return redact(facts)
    if isinstance(facts, dict):
        return {key: redacted(value, redact) for key, value in facts.items()}
    if isinstance(facts, list):
        return [redacted(value, redact) for value in facts]
    return facts


def _minute(time: str) -> str:
    """Return a time to the minute: an alert may have waited for its receiver."""
    return f"{time[:10]} {time[11:16]} UTC"


def _problem(problem: Mapping[str, Any]) -> str:
    place = f"{problem['path']}:{problem['line']}"
    return f"• {_plain(place)} {_plain(problem['code'])}: {_plain(problem['message'])}"


def _plain(text: object) -> str:
    """Return what others wrote so that it marks nothing up, ends no line and turns none round."""
    bare = _CONTROLS.sub(" ", str(text))
    return _escaped(_MARKING.sub(lambda found: f"{_JOINER}{found[0]}{_JOINER}", bare))


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
