"""What may be asked to be looked at: a commit by its digits, a branch, a pull or merge request.

Checked by form alone, and never resolved by Git's own rules, which know expressions that search
(``:/text``, ``branch@{upstream}``). A name that has the form is looked up among the refs that the
configured remote shows, and nowhere else.
"""

from __future__ import annotations

import re

LONGEST = 200
TAKES = (
    "a commit (7 to 40 hex digits), a branch, refs/heads/BRANCH, refs/pull/N/head or "
    "refs/merge-requests/N/head"
)

_WORD = r"[A-Za-z0-9_+#=@,%()!-]+"
_PART = rf"{_WORD}(\.{_WORD})*"
_BRANCH = rf"(?=[A-Za-z0-9_]){_PART}(/{_PART})*"
_REQUEST = r"(pull|merge-requests)/[1-9][0-9]{0,9}/(head|merge)"
PATTERN = rf"^(refs/heads/{_BRANCH}|(refs/)?{_REQUEST}|(?!refs/){_BRANCH})$"
"""In the dialect of JSON Schema."""

_FORM = re.compile(PATTERN)
_SHORT = re.compile(_REQUEST)
_DIGITS = re.compile(r"[0-9a-f]{7,40}")


def full(text: str) -> str:
    """Return a ref in full, or a commit's digits; raise ValueError for what is neither."""
    if len(text) > LONGEST or not _FORM.fullmatch(text):
        raise ValueError(f"it takes {TAKES}")
    if text.startswith("refs/") or is_commit(text):
        return text
    return f"refs/{text}" if _SHORT.fullmatch(text) else f"refs/heads/{text}"


def is_commit(text: str) -> bool:
    """Say whether a text is the digits of a commit, and no ref."""
    return _DIGITS.fullmatch(text) is not None
