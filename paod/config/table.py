"""Every setting, once: its name, what it takes, its default and what it is for.

The Cerberus schema is made from this table, the documentation is tested against it. A rule's
``coerce`` turns what was written into the value; the rest of the rule judges the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cerberus

from paod.config import values
from paod.repository_url import FORMS, RepositoryUrl, read

PREFIX = "PAO_"
FILE_SUFFIX = "_FILE"
CONFIG_NAME = "PAO_CONFIG"
"""Names the YAML file; it is no setting itself."""
CREDENTIAL = "paod_"
"""What names of credentials begin with: systemd puts it before those of a folder's files."""


def _typed(name: str, *types: type) -> cerberus.TypeDefinition:
    return cerberus.TypeDefinition(name, types, ())


TYPES = {
    "path": _typed("path", Path),
    "rate": _typed("rate", values.Rate),
    "names": _typed("names", frozenset),
    "remote": _typed("remote", RepositoryUrl),
    "remotes": _typed("remotes", tuple),
}


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. ``default`` is as an operator would write it, None: unset."""

    name: str
    takes: str
    rule: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    default: str | None = None
    secret: bool = False
    several: bool = False
    lines: bool = False
    """A secret that is a text of several lines."""
    guards: bool = False
    """A secret that strangers may try to guess: it lets in, or vouches for what paod sends."""
    hides: bool = False
    """No secret itself, but its value may hold one (a URL with a password)."""

    @property
    def attribute(self) -> str:
        return self.name.removeprefix(PREFIX).lower()


def _number(least: float, most: float) -> dict[str, Any]:
    return {"type": "float", "coerce": values.as_number, "min": least, "max": most}


def _integer(least: int, most: int) -> dict[str, Any]:
    return {"type": "integer", "coerce": values.as_integer, "min": least, "max": most}


def _choice(*words: str) -> dict[str, Any]:
    return {"type": "string", "coerce": values.as_word, "allowed": words}


def _text(coerce: Any) -> dict[str, Any]:
    return {"type": "string", "coerce": coerce}


def _remote(value: Any) -> Any:
    """Read a repository's address; the home folder that a path begins with has to be known."""
    if not isinstance(value, str):
        return value
    address = read(value)
    values.as_path(address.path if address.folder else None)
    return address


def _remotes(value: Any) -> Any:
    """Read comma-separated addresses, or a YAML list of them, without what is secret in them."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        return value
    return tuple(read(part.strip()).url for part in parts if part.strip())


_PATH = {"type": "path", "coerce": values.as_path}
_FLAG = {"type": "boolean", "coerce": values.as_boolean}
_DAY = 86_400

SETTINGS = (
    Setting("PAO_REPO_URL", FORMS, {"type": "remote", "coerce": _remote}, hides=True),
    Setting(
        "PAO_REPO_ALIASES",
        "comma-separated addresses of the same repository",
        {"type": "remotes", "coerce": _remotes},
        hides=True,
    ),
    Setting("PAO_REPO_BRANCH", "a branch name", _text(values.as_branch), "main"),
    Setting("PAO_REPO_TOKEN", "a token for https", secret=True),
    Setting("PAO_REPO_USERNAME", "the user that the token is for", default="x-access-token"),
    Setting("PAO_GITHUB_APP_ID", "a GitHub App's client ID or app ID", _text(values.as_app_id)),
    Setting("PAO_GITHUB_APP_KEY", "the app's private key, PEM", secret=True, lines=True),
    Setting("PAO_GITHUB_APP_INSTALLATION_ID", "a number", _integer(1, 1 << 53)),
    Setting("PAO_REPO_SSH_KEY", "the path of a private key", _PATH),
    Setting("PAO_REPO_KNOWN_HOSTS", "the path of a known_hosts file", _PATH),
    Setting("PAO_REPO_CA_FILE", "the path of a PEM file of certificates", _PATH),
    Setting("PAO_REPO_PROXY", "an http:// or https:// URL", _text(values.as_http_url), hides=True),
    Setting("PAO_REPO_TIMEOUT", "seconds, 1 to 3600", _number(1, 3600), "60"),
    Setting("PAO_SYNC_INTERVAL", "seconds, 0 (never poll) to 86400", _number(0, _DAY), "60"),
    Setting("PAO_SYNC_TIMEOUT", "seconds, 1 to 86400", _number(1, _DAY), "300"),
    Setting("PAO_SYNC_MEMORY", "MiB, 64 to 1048576", _integer(64, 1 << 20), "2048"),
    Setting("PAO_PREVIEW_TIMEOUT", "seconds, 1 to 86400", _number(1, _DAY), "60"),
    Setting("PAO_PREVIEW_MEMORY", "MiB, 64 to 1048576", _integer(64, 1 << 20), "1024"),
    Setting("PAO_SYNC_POLICY", "partial or strict", _choice("partial", "strict"), "partial"),
    Setting("PAO_VERSION_POLICY", "warn or enforce", _choice("warn", "enforce"), "warn"),
    Setting("PAO_ALLOWED_SIGNERS", "the path of an SSH allowed-signers file", _PATH),
    Setting("PAO_MAX_REMOVAL_PERCENT", "a percentage, 0 to 100", _number(0, 100), "20"),
    Setting("PAO_HISTORY_DEPTH", "commits, 1 to 1000000", _integer(1, 1_000_000), "1000"),
    Setting("PAO_CATALOG_ROOT", "a folder of the repository", _text(values.as_root), "catalog"),
    Setting(
        "PAO_CATEGORIES",
        "comma-separated kebab-case names",
        {"type": "names", "coerce": values.as_names},
    ),
    Setting("PAO_MAX_FILE_BYTES", "bytes, 1 to 16777216", _integer(1, 1 << 24), "262144"),
    Setting("PAO_WEBHOOK_SECRET", "one or more secrets", secret=True, several=True, guards=True),
    Setting(
        "PAO_WEBHOOK_RATE",
        "a count per second, minute, hour or day: 60/minute",
        {"type": "rate", "coerce": values.as_rate},
        "60/minute",
    ),
    Setting("PAO_ADMIN_TOKEN", "one or more tokens", secret=True, several=True, guards=True),
    Setting("PAO_READ_TOKEN", "one or more tokens", secret=True, several=True, guards=True),
    Setting("PAO_PUBLIC_READ", "true or false", _FLAG, "false"),
    Setting(
        "PAO_DB_URL",
        "sqlite:///path or postgresql://…",
        _text(values.as_database_url),
        "sqlite:///<state>/paod.db",
        hides=True,
    ),
    Setting("PAO_DB_PASSWORD", "a password", secret=True),
    Setting("PAO_DB_POOL_SIZE", "connections, 1 to 1000", _integer(1, 1000), "8"),
    Setting(
        "PAO_INSTANCE",
        "a name of up to 48 letters, digits, dots and hyphens",
        _text(values.as_instance),
    ),
    Setting("PAO_STATE_DIR", "a folder", _PATH, "$STATE_DIRECTORY, else ~/.local/state/paod"),
    Setting(
        "PAO_LISTEN",
        "host:port ([::1]:8080 for IPv6) or unix:/path",
        _text(values.as_listen),
        "127.0.0.1:8080",
    ),
    Setting("PAO_API_WORKERS", "processes, 0 (one a core) to 256", _integer(0, 256), "1"),
    Setting("PAO_TRUSTED_PROXY", "an IP address", _text(values.as_address)),
    Setting("PAO_ALERT_URL", "an http:// or https:// URL", _text(values.as_http_url), hides=True),
    Setting("PAO_ALERT_SECRET", "a secret", secret=True, guards=True),
    Setting("PAO_ALERT_FORMAT", "json or slack", _choice("json", "slack"), "json"),
    Setting("PAO_ALERT_PROXY", "an http:// or https:// URL", _text(values.as_http_url), hides=True),
    Setting("PAO_ALERT_CHANGES", "true or false", _FLAG, "false"),
    Setting(
        "PAO_COMMIT_STATUS",
        "the https:// URL of a Git host's API: https://api.github.com",
        _text(values.as_api_url),
        hides=True,
    ),
    Setting("PAO_COMMIT_STATUS_TOKEN", "a token that may write commit statuses", secret=True),
    Setting(
        "PAO_PUBLIC_URL", "an http:// or https:// URL", _text(values.as_public_url), hides=True
    ),
    Setting(
        "PAO_LOG_LEVEL",
        "debug, info, warning or error",
        _choice("debug", "info", "warning", "error"),
        "info",
    ),
    Setting("PAO_LOG_FORMAT", "text or json", _choice("text", "json"), "text"),
    Setting("PAO_RETENTION_DAYS", "days, 1 to 36500", _integer(1, 36_500), "90"),
)

BY_NAME: Mapping[str, Setting] = {setting.name: setting for setting in SETTINGS}


CREDENTIALS = (*(setting.name for setting in SETTINGS if setting.secret), "PAO_REPO_SSH_KEY")
"""What systemd may hand over as a file: secrets, and the key that is used by its path."""


def credential_of(name: str) -> str:
    """Return the name of the file that holds a setting's secret: ``repo-token``."""
    return BY_NAME[name].attribute.replace("_", "-")


def known_names() -> tuple[str, ...]:
    """Return every name that may be set, ``_FILE`` forms and PAO_CONFIG included."""
    files = (setting.name + FILE_SUFFIX for setting in SETTINGS if setting.secret)
    return (CONFIG_NAME, *BY_NAME, *files)


def schema() -> dict[str, dict[str, Any]]:
    """Return the Cerberus schema of all settings, by name."""
    return {setting.name: dict(setting.rule) for setting in SETTINGS}
