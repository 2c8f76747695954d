"""What libgit2 says when a remote cannot be used, made into errors with a reason and a hint.

What kind of failure it is shows in the exception's type and libgit2's class; what is left is told
in English, so its texts are matched here and nowhere else, each from its beginning: behind that
stand names and words of others. Texts that the server itself wrote decide nothing: they are quoted
on one line, as the server's. No message shows user or password.
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
_SSH_CLASS = 23
"""libgit2's GIT_ERROR_SSH: its own words about a session, or what the server wrote to stderr."""
_MOST_QUOTED = 300
_SSH_OWN = re.compile(
    r"SSH could not|failed to (authenticate|initialize|start|retrieve|set)|Failed to open SSH|"
    r"unable to|invalid or unknown|invalid ssh|callback failed|authentication |"
    r"error authenticating|remote rejected|cannot ssh|unexpected"
)
_SAID = re.compile(r"remote error: ")
_BARE = re.compile(r"(?m)^(remote: ?)?[=\s]*$|^remote: ?")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class _Rule:
    text: str
    reason: str
    says: str
    hint: str = ""
    denied: bool = False
    pause: float = 0.0


_MAY_READ = "check PAO_REPO_TOKEN or PAO_REPO_SSH_KEY: it must be valid and may read here"
_EXISTS = "check PAO_REPO_URL; a private repository looks missing without a token that may read it"
_NETWORK = (
    "`paod serve` tries again by itself; if it lasts, see to the network, the address and"
    " PAO_REPO_PROXY"
)
_RULES = (
    _Rule(
        r"failed to parse (signature|bad commit)",
        "MalformedCommit",
        "its history has a commit that libgit2 cannot walk past",
        "git fsck in the repository names it; rewrite it with git",
    ),
    _Rule(
        r"cannot redirect|too many redirects|redirect without|unexpected redirect",
        "RemoteProtocolError",
        "it redirects where paod does not follow",
        "set PAO_REPO_URL to the repository's present address",
    ),
    _Rule(
        r"proxy |unexpected http status code: 407",
        "ProxyRefused",
        "the proxy refuses",
        "check PAO_REPO_PROXY",
    ),
    _Rule(
        r"unexpected http status code: 401|remote rejected auth|(remote )?authentication required|"
        r"failed to (authenticate SSH|respond to auth)|error authenticating|"
        r"unexpected authentication|server requires authentication|callback failed to init|"
        r"could not find appropriate mechanism",
        "AuthenticationFailed",
        "it refused the credentials",
        _MAY_READ,
        denied=True,
    ),
    _Rule(
        r"unexpected http status code: (403|451)",
        "Forbidden",
        "it forbids access",
        _MAY_READ,
        denied=True,
    ),
    _Rule(
        r"unexpected http status code: (404|410)",
        "RepositoryNotFound",
        "it knows no such repository",
        _EXISTS,
        denied=True,
    ),
    _Rule(
        r"unexpected http status code: 429",
        "RateLimited",
        "it limits how often it is asked",
        "`paod serve` waits a minute by itself; raise PAO_SYNC_INTERVAL if this goes on",
        pause=RATE_LIMIT_PAUSE,
    ),
    _Rule(
        r"unexpected http status code: 5\d\d",
        "RemoteError",
        "it has trouble of its own",
        "`paod serve` tries again by itself; if it lasts, see what the Git host says of its state",
    ),
    _Rule(
        r"(failed to (connect|start)|could not (read|write)|SSH could not|SSL error|"
        r"error receiving).*: [^:]*time[d ]*out\b|operation timed out",
        "RemoteTimeout",
        "it did not answer in time",
        _NETWORK,
    ),
    _Rule(
        r"failed to (resolve address|connect|(start|initialize) SSH)|"
        r"could not (read|write|set|query).*socket|"
        r"error receiving data|unexpected EOF|early EOF|unknown error while polling|"
        r"SSL error: (received early EOF|syscall failure|connection failure)|SSH could not|"
        r"Failed to open SSH|there is no socket",
        "RemoteUnreachable",
        "it cannot be reached, or the line broke",
        _NETWORK,
    ),
    _Rule(
        r"the SSL certificate|SSL error|hostname does not match|user rejected certificate|"
        r"the server did not provide a cert|failed to retrieve (cert|hostkey)|"
        r"invalid or unknown remote|failed to set hostkey|there is no TLS|failed to create ssl|"
        r"could not init\w+ openssl",
        "TlsError",
        "its identity could not be verified",
        "for a private certificate authority set PAO_REPO_CA_FILE",
    ),
    _Rule(
        r"invalid packet line",
        "RemoteProtocolError",
        "it does not speak as libgit2 knows it",
        "if it is a shallow clone, `git fetch --unshallow` there; else see what answers there",
    ),
    _Rule(
        r"unknown (remote )?object format|the local object format|"
        r"unsupported extension name extensions\.objectformat",
        "UnsupportedObjectFormat",
        "it uses SHA-256 objects, which paod cannot read yet",
        "use a repository with SHA-1 objects, git's default",
    ),
    _Rule(
        r"unsupported extension name extensions\.refstorage",
        "UnsupportedRefStorage",
        "it keeps its refs as a reftable, which libgit2 cannot read from a path",
        "`git refs migrate --ref-format=files` there, or reach it by ssh:// or https://",
        denied=True,
    ),
    _Rule(
        r"repository path .* is not owned by current user",
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
        r".*: (no space left on device|disk quota exceeded|file too large)$",
        "MirrorStorageFull",
        "there is no room for the mirror",
        "make room where PAO_STATE_DIR is",
    ),
)
_REFUSED = _Rule("", "RepositoryNotFound", "it gave no repository, and said", _EXISTS, denied=True)
_BROKE_OFF = _Rule("", "RemoteError", "it broke off, and said", _NETWORK)
_WEB_PAGE = _Rule(
    "",
    "Forbidden",
    "it answered the credentials with a web page",
    "the user may be disabled, or has something to confirm there: log in with a browser and look",
    denied=True,
)
_REASONS = {rule.reason: rule for rule in reversed(_RULES)}
_OTHER = _Rule("", "RemoteProtocolError", "it does not speak as a Git server does")


def translate(
    error: Exception, remote: Remote, *, listing: bool = False, logged_in: bool = False
) -> PaodError:
    """Return the error of ours that says what a libgit2 error means for this remote.

    ``listing``: the remote had shown no ref yet. ``logged_in``: it was given credentials.
    """
    if isinstance(error, PaodError):
        return error
    text = redact_urls(str(error)).strip() or type(error).__name__
    if re.match(r"failed to (lock|create locked) file", text, re.IGNORECASE):
        return MirrorBroken(f"the mirror is locked: {_one_line(text)}")
    words = _server_words(error, text)
    if words is not None:
        rule = _REFUSED if listing else _BROKE_OFF
        return _error(rule, f"cannot fetch from {remote.url}: {rule.says}: {words!r}")
    rule = _rule_of(error, text, logged_in=logged_in)
    told = "" if rule.denied else f" ({_one_line(text)})"
    return _error(rule, f"cannot fetch from {remote.url}: {rule.says}{told}")


def _rule_of(error: Exception, text: str, *, logged_in: bool) -> _Rule:
    if isinstance(error, pygit2.AuthError) and not text.startswith("proxy "):
        return _REASONS["AuthenticationFailed"]
    if isinstance(error, pygit2.errors.CertificateError):
        return _REASONS["TlsError"]
    if logged_in and re.match(r"invalid content-type: 'text/html", text):
        return _WEB_PAGE
    return next((rule for rule in _RULES if re.match(rule.text, text, re.IGNORECASE)), _OTHER)


def _server_words(error: Exception, text: str) -> str | None:
    """Return what the server wrote, on one line; None: the words are libgit2's."""
    if _SAID.match(text):
        return _one_line(_SAID.sub("", text))
    if getattr(error, "error_class", 0) == _SSH_CLASS and not _SSH_OWN.match(text):
        return _one_line(_BARE.sub("", text))
    return None


def _one_line(text: str) -> str:
    line = _CONTROLS.sub(" ", " ".join(text.split()))
    return line if len(line) <= _MOST_QUOTED else f"{line[:_MOST_QUOTED]}…"


def _error(rule: _Rule, message: str) -> MirrorError:
    if rule.denied:
        return AccessDenied(message, rule.hint, reason=rule.reason)
    return FetchFailed(message, rule.hint, reason=rule.reason, retry_after=rule.pause)
