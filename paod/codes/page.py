"""A code as people read it: one text for the documentation and for ``paod explain``."""

from __future__ import annotations

from textwrap import indent

from paod.codes.code import Code


def as_markdown(code: Code) -> str:
    """Return a code's section of the documentation, as docs/pao-yaml-spec.md holds it."""
    return "\n\n".join(
        [
            f"### `{code.code}` ({code.severity})",
            code.meaning,
            f"```yaml\n{code.example}\n```",
            code.remedy,
            f"```yaml\n{code.mended}\n```",
        ]
    )


def as_text(code: Code) -> str:
    """Return the same for a terminal."""
    example, mended = (indent(text, "    ") for text in (code.example, code.mended))
    return "\n\n".join([code.meaning, example, code.remedy, mended])
