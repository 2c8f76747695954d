"""What may be asked to be looked at, by form alone."""

from __future__ import annotations

import re
import time

import pytest

from paod.ref import PATTERN, full


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("main", "refs/heads/main"), ("refs/heads/main", "refs/heads/main")),
        *(("feature/x.y-1", "refs/heads/feature/x.y-1"), ("4f0c1a2", "4f0c1a2")),
        *(("v", "refs/heads/v"), ("abcdef", "refs/heads/abcdef"), ("a" * 40, "a" * 40)),
        ("refs/pull/7/head", "refs/pull/7/head"),
        ("pull/7/merge", "refs/pull/7/merge"),
        ("merge-requests/12/head", "refs/merge-requests/12/head"),
        *(("pull/7", "refs/heads/pull/7"), ("pull/x/head", "refs/heads/pull/x/head")),
        ("a" * 41, f"refs/heads/{'a' * 41}"),
        *(("fix(#12)", "refs/heads/fix(#12)"), ("user@x/y", "refs/heads/user@x/y")),
    ],
)
def test_a_ref_is_told_in_full(text: str, expected: str) -> None:
    assert full(text) == expected
    assert re.fullmatch(PATTERN, text)


@pytest.mark.parametrize(
    "text",
    [
        *("", ":/(((", "--upload-pack=x", "-x", "main:refs/heads/x", "+main", "main@{1}", "a..b"),
        *("main~1", "main^", "*", "refs/heads/*", "refs/tags/v1", "refs/paod/branch", "refs/"),
        *("refs/heads/", "/main", "main/", "a//b", ".hidden", "a/.b", "main\n", "ma in", "x\0"),
        *("refs/pull/0/head", "refs/pull/7/head/x", "refs/pull/07/head", "refs/pull/7/evil"),
        *("https://example.com/x", "file:///etc", "größe", "a" * 201, "a." * 50_000, "@{-1}"),
        *("refs/heads/x:y", "\\", "main?", "[a]", "a.", "refs/remotes/origin/main"),
    ],
)
def test_nothing_else_is_a_ref(text: str) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match="it takes a commit"):
        full(text)
    assert time.process_time() - started < 1


def test_no_text_of_allowed_length_takes_long() -> None:
    for text in ("a" * 199 + ":", "a." * 99 + ":", "a/" * 99 + ":", "a-" * 99 + ":"):
        started = time.process_time()
        with pytest.raises(ValueError, match="it takes"):
            full(text)
        assert time.process_time() - started < 1
