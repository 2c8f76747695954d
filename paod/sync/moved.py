"""Whether the Git host says that the repository is at another address now.

A fetch follows such a redirect and says nothing of it, and webhooks name the new address alone.
"""

from __future__ import annotations

from base64 import b64encode
from urllib.parse import urljoin

from paod.config import Settings
from paod.outgoing import Way, send
from paod.repository_url import read, repository_key
from paod.sync.opening import remote_of

_REFS = "/info/refs"


def moved_to(settings: Settings) -> str | None:
    """Return where the host redirects the repository to, within its scheme, host and port.

    None: nowhere. Raises ``PaodError`` where it does not answer.
    """
    address = read(settings.repo_url)
    if address.kind != "http":
        return None
    asked = f"{address.connect.rstrip('/')}{_REFS}?service=git-upload-pack"
    way = Way(settings.repo_ca_file, settings.repo_proxy)
    answer = send("GET", asked, way, _authorization(settings))
    if not answer.redirects:
        return None
    try:
        target = urljoin(asked, answer.headers.get("location", ""))
    except ValueError:
        return None
    url, found, _ = target.partition(_REFS)
    if not found or not address.same_origin(url):
        return None
    return url if repository_key(url) not in ("", repository_key(settings.repo_url)) else None


def _authorization(settings: Settings) -> dict[str, str]:
    secret = remote_of(settings).secret()
    if secret is None:
        return {}
    pair = b64encode(f"{secret.username}:{secret.password}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}
