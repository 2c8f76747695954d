"""The settings as the program uses them: read once, checked, frozen; secrets hidden inside."""

from __future__ import annotations

import base64
import re
import socket
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from paod.config.secret import Secret
from paod.config.table import BY_NAME, PREFIX
from paod.config.values import Rate
from paod.errors import SettingsError
from paod.repository_url import passwords_of, redact_url

MASK = "***"
SHORTEST_PATH = 12
"""A shorter path in an alert's address is a word, such as ``hook``, and stands in other words."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One attribute a setting, named as in the environment without ``PAO_``, in lower case.

    Times are in seconds, memory in MiB. Paths are absolute. ``repo_url`` holds no
    credentials, ``repo_folder`` is set where the repository is a folder of this machine.
    ``db_url`` is whole; ``db_file`` is the file of an SQLite one.
    """

    repo_url: str
    state_dir: Path
    db_url: str = field(repr=False)
    db_file: Path | None
    repo_folder: Path | None = None
    repo_aliases: tuple[str, ...] = ()
    repo_branch: str = "main"
    repo_token: Secret | None = None
    repo_username: str = "x-access-token"
    github_app_id: str | None = None
    github_app_key: Secret | None = None
    github_app_installation_id: int | None = None
    repo_ssh_key: Path | None = None
    repo_known_hosts: Path | None = None
    repo_ca_file: Path | None = None
    repo_proxy: str | None = field(default=None, repr=False)
    repo_timeout: float = 60.0
    sync_interval: float = 60.0
    sync_timeout: float = 300.0
    sync_memory: int = 2048
    preview_timeout: float = 60.0
    preview_memory: int = 1024
    sync_policy: Literal["partial", "strict"] = "partial"
    version_policy: Literal["warn", "enforce"] = "warn"
    allowed_signers: Path | None = None
    max_removal_percent: float = 20.0
    history_depth: int = 1000
    catalog_root: str = "catalog"
    categories: frozenset[str] | None = None
    max_file_bytes: int = 262_144
    webhook_secret: Secret | None = None
    webhook_rate: Rate = Rate(60, 60)  # noqa: RUF009 (frozen itself)
    admin_token: Secret | None = None
    read_token: Secret | None = None
    public_read: bool = False
    db_password: Secret | None = None
    db_pool_size: int = 8
    instance: str | None = None
    listen: str = "127.0.0.1:8080"
    api_workers: int = 1
    trusted_proxy: str | None = None
    alert_url: str | None = field(default=None, repr=False)
    alert_secret: Secret | None = None
    alert_format: Literal["json", "slack"] = "json"
    alert_proxy: str | None = field(default=None, repr=False)
    alert_changes: bool = False
    commit_status: str | None = None
    commit_status_token: Secret | None = None
    public_url: str | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["text", "json"] = "text"
    retention_days: int = 90

    @property
    def admin_token_file(self) -> Path:
        """Where the first start writes the token it makes, when none is set."""
        return self.state_dir / "admin-token"

    @property
    def instance_name(self) -> str:
        """What status and logs call this machine."""
        return self.instance or socket.gethostname()[:48]

    @property
    def mirror_dir(self) -> Path:
        """The folder of the mirror."""
        return self.state_dir / "mirror.git"

    @property
    def annex_dir(self) -> Path:
        """The folder of the mirror for what is only looked at."""
        return self.state_dir / "previews.git"

    def as_masked(self) -> dict[str, Any]:
        """Return every setting by its name, ready for JSON, no secret among them."""
        names = (one.name for one in fields(self))
        shown = {PREFIX + name.upper(): name for name in names}
        return {
            name: self._shown(name, getattr(self, attribute))
            for name, attribute in shown.items()
            if name in BY_NAME
        }

    def secret_values(self) -> tuple[str, ...]:
        """Return every secret's present values: what a log line must never hold."""
        found: list[str] = []
        for one in fields(self):
            value = getattr(self, one.name)
            if isinstance(value, Secret):
                found += _present(value)
        found += (basic_of(one, self.repo_username) for one in _present_of(self.repo_token))
        for url in (self.repo_proxy, self.alert_proxy, self.alert_url, self.db_url):
            found += passwords_of(url) if url else []
        found += _secrets_of(self.alert_url) if self.alert_url else []
        return tuple(value for value in found if value)

    def _shown(self, name: str, value: Any) -> Any:
        if isinstance(value, Secret):
            return MASK if value.path is None else f"{MASK} from {value.path}"
        if name == "PAO_ALERT_URL" and value:
            return f"{redact_url(value.split('//', 1)[0] + '//' + urlsplit(value).netloc)}/{MASK}"
        if isinstance(value, tuple):
            return [redact_url(one) for one in value]
        if BY_NAME[name].hides and value:
            return redact_url(value)
        if isinstance(value, frozenset):
            return sorted(value)
        return str(value) if isinstance(value, Path | Rate) else value


def basic_of(token: str, username: str = "x-access-token") -> str:
    """Return a token as a server gets it (RFC 7617), which may repeat that, too."""
    return base64.b64encode(f"{username}:{token}".encode()).decode()


def _present_of(secret: Secret | None) -> list[str]:
    return [] if secret is None else _present(secret)


def _secrets_of(alert_url: str) -> list[str]:
    """Return what lets alerts in: path and query. A short one is hidden behind its host alone."""
    parts = urlsplit(alert_url)
    path = parts.path.strip("/")
    told = [path, parts.query, *(value for _, value in parse_qsl(parts.query))]
    behind = [f"{parts.netloc}/{path}"] if path else []
    return behind + [one for one in told if len(one) >= SHORTEST_PATH]


def _present(secret: Secret) -> list[str]:
    """Return a secret's values and their hashes' hex; none while its file cannot be read."""
    try:
        values = secret.values()
    except SettingsError:
        return []
    return [re.sub(r"^sha256:", "", value) for value in values]
