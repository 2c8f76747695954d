"""Tokens and roles: who is let in, and how a token may be written down."""

import hashlib

import pytest

from paod.access import allows, bearer_token, role_of


def digest(token: str) -> str:
    return "sha256:" + hashlib.sha256(token.encode()).hexdigest()


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER   abc= ", "abc="),
        ("Bearer paod_00ff", "paod_00ff"),
        (None, None),
        ("", None),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic abc", None),
        ("Bearer a b", None),
        ("Bearer a,Bearer b", None),
        ("Bearer t\u00f6ken", None),
        ("Bearer abc\n", None),
        ("abc", None),
    ],
)
def test_a_header_carries_one_bearer_token_or_none(header, token):
    assert bearer_token(header) == token


def upper_digest(token: str) -> str:
    return "sha256:" + digest(token).removeprefix("sha256:").upper()


@pytest.mark.parametrize("write", [str, digest, upper_digest])
def test_tokens_are_set_in_full_or_by_their_hash(write):
    admin, read = [write("boss"), write("boss-next")], [write("reader")]
    assert role_of("boss", admin, read) == "admin"
    assert role_of("boss-next", admin, read) == "admin"
    assert role_of("reader", admin, read) == "read"
    assert role_of("stranger", admin, read) is None


def test_a_hash_is_not_itself_a_token():
    assert role_of(digest("boss"), [digest("boss")], []) is None
    assert role_of(digest("boss").removeprefix("sha256:"), [digest("boss")], []) is None


@pytest.mark.parametrize("token", ["", "Boss", "boss ", "bos", "bosss"])
def test_a_near_miss_is_a_miss(token):
    assert role_of(token, ["boss"], []) is None


def test_nobody_is_let_in_where_no_token_is_set():
    assert role_of("anything", [], []) is None


def test_the_larger_role_wins_where_a_token_has_both():
    assert role_of("both", ["both"], ["both"]) == "admin"


@pytest.mark.parametrize(
    ("role", "needed", "enough"),
    [
        ("admin", "admin", True),
        ("admin", "read", True),
        ("read", "read", True),
        ("read", "admin", False),
        (None, "read", False),
        (None, "admin", False),
    ],
)
def test_an_admin_may_read_and_a_reader_may_not_administer(role, needed, enough):
    assert allows(role, needed) is enough
