"""Which files under the catalog root are documents, decided by their path alone.

Files: ``<root>/<category>/<name>.yaml``, or deeper. What is hidden (a part that begins with ``.``
or ``_``) or is not YAML is passed over; what was meant as a document and misses the rules is told
so. Reads nothing: a path is all it knows.
"""

from __future__ import annotations

import re
from typing import Literal

from paod.finding import Finding, choice
from paod.model import EntryType

MAX_BYTES = 1024
NAME = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
"""A name of a document, a file or a folder: kebab-case, at most 63 characters."""

_NAME = re.compile(NAME)
_YAML = re.compile(r".*\.ya?ml", re.IGNORECASE | re.DOTALL)
_NEVER = frozenset({"", ".", "..", ".git"})
_LAYOUT = "put it at {root}/<category>/<name>.yaml"

Verdict = Literal["ignored", "document"] | Finding


def classify(path: str, root: str, entry: EntryType = "file") -> Verdict:
    """Decide whether a path is a document's, is passed over, or breaks the rules (``bad-path``).

    A symlink or submodule also counts where it stands for a folder: without a file's suffix.
    """
    parts = _below(path, root)
    if parts is None or _is_hidden(parts):
        return "ignored"
    if not _may_hold_documents(parts[-1], entry):
        return "ignored"
    return _fault(path, root, parts) or "document"


def category_of(path: str, root: str) -> str:
    """Return the first folder under the root, "" for a file that lies in none."""
    parts = _below(path, root)
    return parts[0] if parts is not None and len(parts) > 1 else ""


def stem_of(path: str) -> str:
    """Return a file's name without its suffix."""
    return path.rsplit("/", 1)[-1].rsplit(".", 1)[0]


def _below(path: str, root: str) -> list[str] | None:
    prefix = f"{root.strip('/')}/" if root.strip("/") else ""
    return path[len(prefix) :].split("/") if path.startswith(prefix) else None


def _is_hidden(parts: list[str]) -> bool:
    return any(part[:1] in (".", "_") and part not in _NEVER for part in parts)


def _may_hold_documents(name: str, entry: EntryType) -> bool:
    return _YAML.fullmatch(name) is not None or (entry != "file" and "." not in name)


def _fault(path: str, root: str, parts: list[str]) -> Finding | None:
    if len(path.encode("utf-8", "surrogateescape")) > MAX_BYTES:
        return Finding("bad-path", f"the path is longer than {MAX_BYTES} bytes", "shorten it")
    if len(parts) < 2:
        layout = _LAYOUT.format(root=root)
        return Finding("bad-path", f"the file lies directly in {root}/, in no category", layout)
    for folder in parts[:-1]:
        if _NAME.fullmatch(folder) is None:
            return Finding("bad-path", f"{_shown(folder)} is no folder name", kebab(folder))
    return _file_fault(parts[-1])


def _file_fault(name: str) -> Finding | None:
    stem, dot, suffix = name.rpartition(".")
    if dot and suffix not in ("yaml", "yml") and suffix.lower() in ("yaml", "yml"):
        return Finding("bad-path", f"'.{suffix}' is no suffix", f"write it '.{suffix.lower()}'")
    if _NAME.fullmatch(stem if dot else name) is None:
        return Finding("bad-path", f"{_shown(name)} is no file name", kebab(stem if dot else name))
    return None


def _shown(part: str) -> str:
    """Return a path's part fit for a message: printable, and not long."""
    safe = "".join(char if char.isprintable() else f"%{ord(char):02X}" for char in part)
    return f"'{safe[:64]}'"


def kebab(part: str) -> str:
    """Return a hint that says how names are written, and how this one would be."""
    words = re.findall(r"[a-z0-9]+", re.sub(r"([a-z0-9])([A-Z])", r"\1-\2", part).lower())
    rule = "use lower-case letters, digits and hyphens, at most 63"
    return f"{rule}, such as '{'-'.join(words)[:63].strip('-')}'" if words else rule


def category_fault(path: str, root: str, allowed: frozenset[str] | None) -> Finding | None:
    """Find that a document's category is not one of those allowed; ``allowed`` None: any is."""
    category = category_of(path, root)
    if allowed is None or not category or category in allowed:
        return None
    hint = choice(category, sorted(allowed), "move it to an allowed category")
    return Finding("unknown-category", f"{_shown(category)} is not an allowed category", hint)
