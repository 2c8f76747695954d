"""What a sync starts from: the settings that the fold depends on, and what the store holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import version

from paod.catalog.problems import problems_of
from paod.config import Settings
from paod.model import Catalog, Edition, Head, Problem, Stored
from paod.store import Store
from paod.validate import RULES_VERSION, Rules

JUDGES = ("PyYAML", "Cerberus", "jsonschema-rs", "google-re2", "Jinja2", "semver")
"""Libraries whose next release may judge a file otherwise."""


def rules_of(settings: Settings) -> Rules:
    """Return what validation needs to know of the settings."""
    return Rules(
        root=settings.catalog_root,
        categories=settings.categories,
        max_file_bytes=settings.max_file_bytes,
    )


def basis_of(settings: Settings) -> str:
    """Return a hash of all that the fold depends on besides history.

    Where it differs from the applied one, the fold starts anew: another repository, branch or
    root, other rules. The URL goes in without user and secret.
    """
    basis = {
        "repository": settings.repo_url,
        "branch": settings.repo_branch,
        "root": settings.catalog_root,
        "categories": sorted(settings.categories) if settings.categories is not None else None,
        "max_file_bytes": settings.max_file_bytes,
        "version_policy": settings.version_policy,
        "history_depth": settings.history_depth,
        "rules": RULES_VERSION,
        "libraries": _libraries(),
    }
    return hashlib.sha256(json.dumps(basis, sort_keys=True).encode()).hexdigest()


@cache
def _libraries() -> Mapping[str, str]:
    """Return the version of each judge; they stand in files, and cannot change under a process."""
    return {name: version(name) for name in JUDGES}


@dataclass(slots=True)
class Memory:
    """What a worker keeps between syncs, so that a small change costs little.

    The database stays the truth: what is kept counts only for the head that it was made for.
    """

    stored: Stored | None = None
    served: Edition | None = None
    commit: str | None = None

    def at(self, head: Head, store: Store) -> Stored:
        """Return what is stored at this head, from memory if it is of this head."""
        known = (self.served, self.commit) == (head.edition, head.commit)
        if self.stored is None or not known:
            self.keep(_counted(store.load()), head)
        assert self.stored is not None
        return self.stored

    def keep(self, stored: Stored, head: Head) -> None:
        """Remember what is stored now, and for which head."""
        self.stored = stored
        self.served, self.commit = head.edition, head.commit

    def forget(self) -> None:
        """Read everything from the database next time."""
        self.stored = None


def _counted(stored: Stored) -> Stored:
    found = [problem.severity for problem in _problems(stored.catalog)]
    return replace(stored, errors=found.count("error"), warnings=found.count("warning"))


def _problems(catalog: Catalog) -> list[Problem]:
    return [problem for path in catalog.files for problem in problems_of(catalog, path)]
