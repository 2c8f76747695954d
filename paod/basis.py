"""What the fold depends on besides history: the settings and libraries that judge a file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import Any

from paod.config import Settings
from paod.errors import SettingsDiffer
from paod.model import other_rules, other_source, who_applied
from paod.repository_url import repository_key
from paod.store import Store
from paod.validate import RULES_VERSION

JUDGES = ("PyYAML", "Cerberus", "jsonschema-rs", "google-re2", "Jinja2", "semver")
"""Libraries whose next release may judge a file otherwise."""
VERDICT_FACTS = ("root", "categories", "max_file_bytes", "rules", "libraries")


def basis_of(settings: Settings) -> str:
    """Return a hash of all that the fold depends on besides history.

    Where it differs from the applied one, the fold starts from scratch: another repository, branch
    or root, other rules. Two addresses of one repository are the same.
    """
    return hashlib.sha256(json.dumps(_facts(settings), sort_keys=True).encode()).hexdigest()


def verdict_basis(settings: Settings) -> str:
    """Return a hash of all that one file's verdict depends on besides its path and bytes."""
    facts = _facts(settings)
    judging = {name: facts[name] for name in VERDICT_FACTS}
    return hashlib.sha256(json.dumps(judging, sort_keys=True).encode()).hexdigest()


def applied_with(settings: Settings) -> str:
    """Return the same in words, in JSON, with who it is."""
    return json.dumps(_facts(settings) | {"instance": settings.instance_name}, sort_keys=True)


def check_source(store: Store, settings: Settings) -> None:
    """Raise ``SettingsDiffer`` where the catalog that machines share is of another source.

    On a file there is nobody else to ask: its one machine's settings are its operator's word.
    """
    if not store.database.shared:
        return
    applied = store.head().applied_with
    if differs := other_source(applied, applied_with(settings)):
        raise SettingsDiffer(
            f"the catalog in the database is of another source, as {who_applied(applied)} has it"
            f" ({differs})",
            "see to the settings of this machine; if the catalog is to become this one,"
            " `paod sync --adopt` here says so, and the others are refused from then on",
        )


def rules_differ(store: Store, settings: Settings, applied: str | None) -> str:
    """Return by what other rules another machine judges, "" where none is known to."""
    return other_rules(applied, applied_with(settings)) if store.database.shared else ""


def _facts(settings: Settings) -> dict[str, Any]:
    return {
        "repository": repository_key(settings.repo_url) or settings.repo_url,
        "branch": settings.repo_branch,
        "root": settings.catalog_root,
        "categories": sorted(settings.categories) if settings.categories is not None else None,
        "max_file_bytes": settings.max_file_bytes,
        "version_policy": settings.version_policy,
        "history_depth": settings.history_depth,
        "rules": RULES_VERSION,
        "libraries": _libraries(),
    }


@cache
def _libraries() -> Mapping[str, str]:
    """Return the version of each judge; they stand in files, and cannot change under a process."""
    return {name: version(name) for name in JUDGES}
