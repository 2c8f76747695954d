"""From what was given to Settings, or to one SettingsError that lists every fault at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cerberus

from paod.config.fitting import app_faults, status_faults
from paod.config.secret import Secret, everyone_may_read
from paod.config.settings import Settings
from paod.config.sources import Given, Sources, over, read_credentials, read_environment, read_file
from paod.config.table import BY_NAME, CONFIG_NAME, TYPES, schema
from paod.config.tokens import bad_digest
from paod.errors import SettingsError
from paod.permissions import writable_by_all
from paod.repository_url import RepositoryUrl, redact_url

COERCION_FAILED = 0x61
"""Cerberus's code for a ``coerce`` that raised; the error's info is what it raised."""

_MISSING = (
    "PAO_REPO_URL is not set: it names the Git repository that holds the catalog, such as "
    "https://github.com/org/pao-repository.git or /srv/pao-repository"
)
_HINT = "`paod demo` needs no settings; config/paod.yaml lists and explains them all"
_SERVICE_HINT = "they stand in /etc/paod/paod.env; config/paod.yaml lists and explains them all"


class _Validator(cerberus.Validator):  # type: ignore[misc]
    types_mapping = cerberus.Validator.types_mapping | TYPES


def load(
    environ: Mapping[str, str], file: Path | None = None, *, repository: bool = True
) -> Settings:
    """Read the environment, systemd's credentials, ``file`` (else PAO_CONFIG's), then the defaults.

    Raise SettingsError, one line a fault, when anything is wrong. ``repository``: whether
    PAO_REPO_URL must be set; who only reads the database need not know it (``repo_url`` is "").
    """
    if file is None and environ.get(CONFIG_NAME):
        file = Path(environ[CONFIG_NAME]).expanduser()
    sources = over(read_environment(environ), read_credentials(environ))
    if file is not None:
        sources = over(sources, read_file(file))
    faults = list(sources.faults)
    values = _checked(sources, faults)
    secrets = _secrets(sources, faults)
    remote = values.pop("PAO_REPO_URL", None)
    if "PAO_REPO_URL" not in sources.given and repository:
        faults.append(_MISSING)
    elif "PAO_REPO_URL" not in sources.given:
        remote = RepositoryUrl("local", "", "")
    elif remote is not None:
        _move_credentials(remote, values, secrets, faults)
    if remote is not None and repository:
        faults += app_faults(remote, values, secrets)
        faults += status_faults(remote, values, secrets)
    state = _state_dir(environ, values.pop("PAO_STATE_DIR", None), faults)
    if faults or remote is None or state is None:
        raise SettingsError(_list(faults), _SERVICE_HINT if "JOURNAL_STREAM" in environ else _HINT)
    return _settings(remote, state, values | secrets, sources)


def _checked(sources: Sources, faults: list[str]) -> dict[str, Any]:
    """Return the values of all settings that are no secrets, checked by the schema."""
    plain = {name: given.value for name, given in sources.given.items() if not BY_NAME[name].secret}
    validator = _Validator({name: rule for name, rule in schema().items() if name in plain})
    validator(plain)
    bad: dict[str, str] = {}
    for error in validator._errors:
        name = str(error.document_path[0])
        own = str(error.info[0]) if error.code == COERCION_FAILED else ""
        bad.setdefault(name, own)
    faults += [_fault(name, sources.given[name], own) for name, own in bad.items()]
    checked = {name: value for name, value in validator.document.items() if name not in bad}
    for name, value in checked.items():
        if isinstance(value, Path):
            checked[name] = sources.given[name].base / value
            if BY_NAME[name].takes.startswith("the path of"):
                faults += _unreadable(name, checked[name])
    return checked


def _fault(name: str, given: Given, own: str) -> str:
    setting = BY_NAME[name]
    sentence = own or f"it takes {setting.takes}"
    if not isinstance(given.value, str):
        written = f"a YAML {type(given.value).__name__}, {given.value!r:.80}"
        sentence += "; put quotes around text" if setting.rule["type"] == "string" else ""
    else:
        written = ascii(redact_url(given.value) if setting.hides else given.value)[:200]
    return f"{name} is {written}{given.where}: {sentence}"


def _secrets(sources: Sources, faults: list[str]) -> dict[str, Secret]:
    """Return the secrets that were given, each read once to know that it can be."""
    found: dict[str, Secret] = {}
    for name, given in sources.given.items():
        if not BY_NAME[name].secret:
            continue
        if not isinstance(given.value, str):
            faults.append(f"{name} is no text{given.where}: put quotes around it")
            continue
        source = given.base / Path(given.value).expanduser() if given.file else given.value
        setting = BY_NAME[name]
        found[name] = Secret(
            name, source, several=setting.several, lines=setting.lines, guards=setting.guards
        )
        faults += _secret_faults(found[name], given)
    return found


def _secret_faults(secret: Secret, given: Given) -> list[str]:
    try:
        values = secret.read()
        if secret.path is not None and (thing := writable_by_all(secret.path)) is not None:
            return [_everybodys(secret.origin, thing)]
        holder = secret.path or (Path(given.where.removeprefix(" in ")) if given.where else None)
        open_to_all = holder is not None and everyone_may_read(holder)
    except SettingsError as error:
        return [str(error)]
    faults = []
    if open_to_all:
        faults.append(
            f"{secret.name} stands in {holder}, which every user can read: chmod o-r it; where it"
            " is mounted, set its mode there (Kubernetes: defaultMode: 0440 with fsGroup; Docker:"
            " mode: 0400 with uid)"
        )
    if secret.name in ("PAO_ADMIN_TOKEN", "PAO_READ_TOKEN") and any(map(bad_digest, values)):
        faults.append(f"{secret.origin} has a sha256: without 64 hexadecimal digits after it")
    return faults


def _move_credentials(
    remote: RepositoryUrl, values: dict[str, Any], secrets: dict[str, Secret], faults: list[str]
) -> None:
    """Make settings of the user and the token that stood in the repository's URL."""
    if remote.token is None:
        return
    if "PAO_REPO_TOKEN" in secrets and remote.username is None:
        values.setdefault("PAO_REPO_USERNAME", remote.token)  # https://user@host, token apart
        return
    if "PAO_REPO_TOKEN" in secrets:
        faults.append("PAO_REPO_URL holds a password though PAO_REPO_TOKEN is set: keep one")
    secrets["PAO_REPO_TOKEN"] = Secret("PAO_REPO_TOKEN", remote.token)
    if remote.username is not None:
        values.setdefault("PAO_REPO_USERNAME", remote.username)


def _state_dir(environ: Mapping[str, str], given: Path | None, faults: list[str]) -> Path | None:
    """Return the folder of mirror and database; systemd names one in STATE_DIRECTORY."""
    if given is not None:
        return given
    if first := environ.get("STATE_DIRECTORY", "").split(":")[0]:
        return Path(first)
    try:
        return Path("~/.local/state/paod").expanduser()
    except RuntimeError:
        faults.append("PAO_STATE_DIR is not set, and there is no home folder to stand in for it")
        return None


def _settings(
    remote: RepositoryUrl, state: Path, given: Mapping[str, Any], sources: Sources
) -> Settings:
    values = dict(given)
    folder = None
    if remote.folder is not None and remote.url:
        folder = sources.given["PAO_REPO_URL"].base / remote.folder.expanduser()
    url, file = _database(values.pop("PAO_DB_URL", None), state, sources)
    return Settings(
        repo_url=str(folder) if folder and not remote.scheme else remote.url,
        repo_folder=folder,
        state_dir=state,
        db_url=url,
        db_file=file,
        **{BY_NAME[name].attribute: value for name, value in values.items()},
    )


def _database(url: str | None, state: Path, sources: Sources) -> tuple[str, Path | None]:
    """Return the database's URL with an absolute path, and its file where it is SQLite's."""
    if url is None:
        file = state / "paod.db"
    elif url.startswith("sqlite:///"):
        file = sources.given["PAO_DB_URL"].base / Path(url.removeprefix("sqlite:///")).expanduser()
    else:
        return url, None
    return f"sqlite:///{file}", file


def _unreadable(name: str, path: Path) -> list[str]:
    """Return the fault of a file that a setting names and that cannot be read, or be trusted."""
    try:
        path.open("rb").close()
    except OSError as error:
        return [f"{name} is {str(path)!r}, which cannot be read: {error.strerror}"]
    thing = writable_by_all(path)
    return [_everybodys(f"{name} ({path})", thing)] if thing is not None else []


def _everybodys(name: str, thing: Path) -> str:
    return f"{name} can be changed by every user of this machine: chmod o-w {thing}"


def _list(faults: list[str]) -> str:
    if len(faults) == 1:
        return faults[0]
    lines = "".join(f"\n  {fault}" for fault in faults)
    return f"{len(faults)} settings cannot be used:{lines}"
