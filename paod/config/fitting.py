"""Settings that are good each for itself and do not fit each other, a sentence for each fault."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from paod.config.secret import Secret
from paod.repository_url import RepositoryUrl, owner_and_name

_SUCH_AS = "such as https://github.com/org/pao-repository.git"


def app_faults(
    remote: RepositoryUrl, values: Mapping[str, Any], secrets: Mapping[str, Secret]
) -> Iterator[str]:
    """Yield what a GitHub App lacks, or has too much, to read the repository."""
    if "PAO_GITHUB_APP_ID" not in values:
        for name in ("PAO_GITHUB_APP_KEY", "PAO_GITHUB_APP_INSTALLATION_ID"):
            if name in values or name in secrets:
                yield f"{name} is set, and PAO_GITHUB_APP_ID is not"
        return
    if "PAO_GITHUB_APP_KEY" not in secrets:
        yield "PAO_GITHUB_APP_ID is set, and PAO_GITHUB_APP_KEY_FILE is not"
    if "PAO_REPO_TOKEN" in secrets:
        yield "PAO_GITHUB_APP_ID and a PAO_REPO_TOKEN are both set: keep one"
    if remote.kind != "http" or owner_and_name(remote.url) is None:
        yield (
            "PAO_GITHUB_APP_ID is set, and PAO_REPO_URL is no repository of a GitHub by https, "
            + _SUCH_AS
        )


def status_faults(
    remote: RepositoryUrl, values: Mapping[str, Any], secrets: Mapping[str, Secret]
) -> Iterator[str]:
    """Yield what commit statuses lack: a repository with an owner, a token."""
    if "PAO_COMMIT_STATUS" not in values:
        return
    if owner_and_name(remote.url, str(values["PAO_COMMIT_STATUS"])) is None:
        yield (
            "PAO_COMMIT_STATUS is set, and PAO_REPO_URL names no owner and repository on a host, "
            + _SUCH_AS
        )
    tokens = {"PAO_COMMIT_STATUS_TOKEN", "PAO_REPO_TOKEN", "PAO_GITHUB_APP_KEY"}
    if not tokens & secrets.keys():
        yield "PAO_COMMIT_STATUS is set, and there is no token for it: set PAO_COMMIT_STATUS_TOKEN"
