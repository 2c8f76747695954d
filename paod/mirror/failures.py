"""What libgit2 says when a remote cannot be used, made into errors with a reason and a hint.

libgit2 has a handful of error codes and tells the rest in English, so its texts are matched here
and nowhere else; each line has a test that provokes it. No message shows user or password.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import pygit2

from paod.errors import AccessDenied, FetchFailed, MirrorBroken, MirrorError, PaodError
from paod.mirror.remote import Remote
from paod.repository_url import redact_urls

RATE_LIMIT_PAUSE = 60.0
"""Seconds to leave a remote alone that answered 429: libgit2 hides its Retry-After."""


@dataclass(frozen=True, slots=True)
class _Rule:
    text: str
    reason: str
    says: str
    hint: str = ""
    denied: bool = False
    pause: float = 0.0


_MAY_READ = "check PAO_REPO_TOKEN or PAO_REPO_SSH_KEY: it must be valid and may read here"
_NETWORK = (
    "paod tries again by itself; if it lasts, see to the network, the address and PAO_REPO_PROXY"
)
_RULES = (
    _Rule(
        r"failed to parse (signature|bad commit)",
        "MalformedCommit",
        "its history has a commit that libgit2 cannot walk past",
        "git fsck in the repository names it; rewrite it with git",
    ),
    _Rule(
        r"redirect",
        "RemoteProtocolError",
        "it redirects where paod does not follow",
        "set PAO_REPO_URL to the repository's present address",
    ),
    _Rule(r"proxy|status code: 407", "ProxyRefused", "the proxy refuses", "check PAO_REPO_PROXY"),
    _Rule(
        r"status code: 401|authenticat|credentials",
        "AuthenticationFailed",
        "it refused the credentials",
        _MAY_READ,
        denied=True,
    ),
    _Rule(r"status code: (403|451)", "Forbidden", "it forbids access", _MAY_READ, denied=True),
    _Rule(
        r"status code: (404|410)|repository not found",
        "RepositoryNotFound",
        "it knows no such repository",
        "check PAO_REPO_URL; a private repository looks missing without a token that may read it",
        denied=True,
    ),
    _Rule(
        r"status code: 429",
        "RateLimited",
        "it limits how often it is asked",
        "paod waits a minute by itself; raise PAO_SYNC_INTERVAL if this goes on",
        pause=RATE_LIMIT_PAUSE,
    ),
    _Rule(
        r"status code: 5\d\d",
        "RemoteError",
        "it has trouble of its own",
        "paod tries again by itself; if it lasts, see what the Git host says of its state",
    ),
    _Rule(r"timed out|timeout", "RemoteTimeout", "it did not answer in time", _NETWORK),
    _Rule(
        r"resolve address|failed to connect|connection refused|unreachable|no route|socket|eof",
        "RemoteUnreachable",
        "it cannot be reached, or the line broke",
        _NETWORK,
    ),
    _Rule(
        r"certificate|ssl error|tls|hostkey",
        "TlsError",
        "its identity could not be verified",
        "for a private certificate authority set PAO_REPO_CA_FILE",
    ),
    _Rule(
        r"object format|objectformat|sha256",
        "UnsupportedObjectFormat",
        "it uses SHA-256 objects, which paod cannot read yet",
        "use a repository with SHA-1 objects, git's default",
    ),
    _Rule(
        r"not owned by current user",
        "RepositoryNotOwned",
        "it belongs to another user of this machine",
        "run paod as its owner, or reach it by ssh:// or https://",
        denied=True,
    ),
    _Rule(
        r"failed to resolve path|could not find repository|unsupported url",
        "RepositoryNotFound",
        "there is no repository",
        "check PAO_REPO_URL",
        denied=True,
    ),
    _Rule(
        r"no space left|disk quota|file too large",
        "MirrorStorageFull",
        "there is no room for the mirror",
        "make room where PAO_STATE_DIR is",
    ),
)
_OTHER = _Rule("", "RemoteProtocolError", "it does not speak as a Git server does")


def translate(error: Exception, remote: Remote) -> PaodError:
    """Return the error of ours that says what a libgit2 error means for this remote."""
    if isinstance(error, PaodError):
        return error
    text = redact_urls(str(error)).strip() or type(error).__name__
    if isinstance(error, pygit2.AuthError):
        text = f"authentication failed: {text}"
    if re.search(r"failed to (lock|create locked) file", text, re.IGNORECASE):
        return MirrorBroken(f"the mirror is locked: {text}")
    rule = next((r for r in _RULES if re.search(r.text, text, re.IGNORECASE)), _OTHER)
    message = f"cannot fetch from {remote.url}: {rule.says} ({text})"
    return _error(rule, message)


def _error(rule: _Rule, message: str) -> MirrorError:
    if rule.denied:
        return AccessDenied(message, rule.hint, reason=rule.reason)
    return FetchFailed(message, rule.hint, reason=rule.reason, retry_after=rule.pause)
