"""Where settings come from: the environment, systemd's credentials, then a YAML file.

It reads them and judges no value.

In YAML a name may be written as in the environment (``PAO_REPO_URL``) or short (``repo_url``).
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from paod.config.table import (
    BY_NAME,
    CONFIG_NAME,
    CREDENTIAL,
    CREDENTIALS,
    FILE_SUFFIX,
    PREFIX,
    credential_of,
    known_names,
)
from paod.errors import SettingsError
from paod.finding import choice
from paod.permissions import writable_by_all

MAX_BYTES = 262_144


@dataclass(frozen=True, slots=True)
class Given:
    """A value as it was written. Relative paths in it start at ``base``.

    ``where`` is "" for the environment, else " in <file>"; ``file``: it names the secret's file.
    """

    value: Any
    base: Path
    where: str = ""
    file: bool = False


@dataclass(frozen=True, slots=True)
class Sources:
    """What was given, by setting, and the sentences about what could not be understood."""

    given: Mapping[str, Given]
    faults: tuple[str, ...] = ()


def read_environment(environ: Mapping[str, str]) -> Sources:
    """Read every ``PAO_`` variable; an empty one counts as not set."""
    named = {name: text for name, text in environ.items() if name.startswith(PREFIX)}
    named.pop(CONFIG_NAME, None)
    return _sort(named, Path.cwd(), "")


def read_credentials(environ: Mapping[str, str]) -> Sources:
    """Take each file that systemd handed over (systemd.exec(5)) for the secret it is named after.

    ``paod_repo-token`` is PAO_REPO_TOKEN; an empty file counts as not set.
    """
    folder = environ.get("CREDENTIALS_DIRECTORY")
    given: dict[str, Given] = {}
    faults = []
    for path in sorted(Path(folder).glob(f"{CREDENTIAL}[!.]*")) if folder else []:
        name = PREFIX + path.name.removeprefix(CREDENTIAL).replace("-", "_").upper()
        if name not in CREDENTIALS:
            faults.append(_unknown_credential(path))
        elif path.stat().st_size:
            given[name] = Given(str(path), path.parent, file=BY_NAME[name].secret)
    return Sources(given, tuple(faults))


def read_file(path: Path) -> Sources:
    """Read the YAML file; raise SettingsError when it is not a mapping that can be read."""
    document = _load(path)
    where = f" in {path}"
    if not all(isinstance(name, str) for name in document):
        raise SettingsError(f"{path} has a key that is not text")
    named: dict[str, Any] = {}
    faults = []
    for written, value in document.items():
        name = written if written.startswith(PREFIX) else PREFIX + written.upper()
        if name in named:
            faults.append(f"{name} is given twice{where}")
        named[name] = value
    read = _sort(named, path.resolve().parent, where)
    return Sources(read.given, (*faults, *read.faults))


def over(first: Sources, second: Sources) -> Sources:
    """Return both, the first winning where both speak."""
    return Sources({**second.given, **first.given}, first.faults + second.faults)


def _sort(named: Mapping[str, Any], base: Path, where: str) -> Sources:
    """Tell settings, their ``_FILE`` forms and unknown names apart."""
    given: dict[str, Given] = {}
    faults = []
    for name, value in named.items():
        plain = name.removesuffix(FILE_SUFFIX)
        is_file = name not in BY_NAME and plain in BY_NAME and BY_NAME[plain].secret
        if not is_file and name not in BY_NAME:
            faults.append(_unknown(name, where))
        elif value is None or value == "":
            continue
        elif plain in given and is_file != given[plain].file:
            faults.append(f"{plain} and {plain}{FILE_SUFFIX} are both given{where}: keep one")
        else:
            given[plain if is_file else name] = Given(value, base, where, is_file)
    return Sources(given, tuple(faults))


def _unknown(name: str, where: str) -> str:
    near = difflib.get_close_matches(name, known_names(), n=1, cutoff=0.6)
    shown = ascii(name)[1:-1][:80]
    hint = f": did you mean {near[0]}?" if near else ""
    return f"{shown}{where} is not a setting{hint}"


def _unknown_credential(path: Path) -> str:
    given = path.name.removeprefix(CREDENTIAL)
    hint = choice(given, [credential_of(name) for name in CREDENTIALS])
    return f"{given!a} among systemd's credentials is named after no secret: {hint}"


def _load(path: Path) -> Mapping[Any, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(
            f"the settings file {path} cannot be read: {error.strerror}",
            f"--config or {CONFIG_NAME} names it; leave both out to use the environment alone",
        ) from error
    if (thing := writable_by_all(path)) is not None:
        raise SettingsError(
            f"the settings file {path} can be changed by every user of this machine",
            f"chmod o-w {thing}",
        )
    if len(data) > MAX_BYTES:
        raise SettingsError(f"the settings file {path} is larger than {MAX_BYTES} bytes")
    try:
        document = yaml.load(data, Loader=_Loader)  # noqa: S506 (a SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        raise SettingsError(f"{path}{place} is no valid YAML: {error.problem}") from None
    except Exception:  # the safe loader leaks other errors for odd scalars and depths
        raise SettingsError(f"the settings file {path} is no valid YAML") from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsError(f"the settings file {path} must be a mapping: one setting a line")
    return document


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses what an operator cannot have meant: a key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        for index, key in enumerate(keys):
            if key in keys[:index]:
                mark = node.value[index][0].start_mark
                raise yaml.constructor.ConstructorError(None, None, f"{key} stands twice", mark)
        return super().construct_mapping(node, deep)
