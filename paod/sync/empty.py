"""Why a catalog is empty: where documents lie elsewhere, following goes on without an error."""

from __future__ import annotations

from paod.errors import PaodError
from paod.mirror import Source
from paod.model import NO_DOCUMENTS, Catalog


def why_empty(catalog: Catalog, source: Source, root: str, commit: str) -> str:
    """Return a sentence where a commit has no document under the root, else ""."""
    if catalog.files:
        return ""
    return f"{NO_DOCUMENTS}{root}/ at {commit[:12]}{_elsewhere(source, commit)}"


def _elsewhere(source: Source, commit: str) -> str:
    try:
        found = source.likely_roots(commit)
    except PaodError:  # a tree that cannot be read is another matter
        return ""
    if not found:
        return "; they lie at ROOT/<category>/<name>.yaml"
    looks = "looks" if len(found) == 1 else "look"
    return f"; {', '.join(f'{one}/' for one in found)} {looks} like a catalog: set PAO_CATALOG_ROOT"
