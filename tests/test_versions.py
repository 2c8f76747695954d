"""Versions compare by precedence, and ranges hold or do not."""

import pytest

from paod.versions import RANGE, SEMVER, compare, is_empty_range, is_version, version_in_range

ORDER = [
    "1.0.0-alpha",
    "1.0.0-alpha.1",
    "1.0.0-beta.2",
    "1.0.0-beta.11",
    "1.0.0",
    "1.0.1",
    "1.10.0",
]


@pytest.mark.parametrize("lower", range(len(ORDER)))
@pytest.mark.parametrize("higher", range(len(ORDER)))
def test_versions_are_ordered_by_precedence(lower: int, higher: int) -> None:
    expected = (lower > higher) - (lower < higher)
    assert compare(ORDER[lower], ORDER[higher]) == expected


def test_build_metadata_does_not_count() -> None:
    assert compare("1.0.0+a", "1.0.0+b") == 0


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("1.2.3", True),
        ("1.2.3-rc.1+build.5", True),
        ("0.0.0", True),
        ("1.2", False),
        ("v1.2.3", False),
        ("1.02.3", False),
        ("1.2.3-01", False),
        ("1.2.3\n", False),
        ("", False),
        ("1.2." + "9" * 200, False),
    ],
)
def test_what_a_version_is(text: str, good: bool) -> None:
    assert is_version(text) is good


@pytest.mark.parametrize(
    ("version", "text", "inside"),
    [
        ("1.2.0", ">=1.2.0, <2.0.0", True),
        ("1.1.9", ">=1.2.0, <2.0.0", False),
        ("2.0.0", ">=1.2.0, <2.0.0", False),
        ("2.0.0-rc.1", ">=1.2.0, <2.0.0", True),
        ("1.2.0", "1.2.0", True),
        ("1.2.1", "=1.2.0", False),
        ("1.2.0", "==1.2.0", True),
        ("1.2.0", "!=1.2.0", False),
        ("1.2.1", ">1.2.0,<=1.2.1", True),
        ("9.9.9", "", True),
        ("9.9.9", " * ", True),
    ],
)
def test_a_version_is_in_a_range(version: str, text: str, inside: bool) -> None:
    assert version_in_range(version, text) is inside


@pytest.mark.parametrize("text", ["^1.0.0", ">=1.2", "1.x", ">=1.0.0 <2.0.0", ",", ">=1.0.0,"])
def test_other_dialects_of_ranges_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="range"):
        version_in_range("1.0.0", text)


@pytest.mark.parametrize(
    ("text", "empty"),
    [
        (">=2.0.0, <1.0.0", True),
        (">1.0.0, <1.0.0", True),
        ("=1.0.0, !=1.0.0", True),
        ("=1.0.0, =2.0.0", True),
        (">=1.0.0, <=1.0.0", False),
        (">1.0.0, <1.0.1", False),
        ("!=1.0.0", False),
        ("", False),
        ("*", False),
    ],
)
def test_a_range_that_no_version_meets(text: str, empty: bool) -> None:
    assert is_empty_range(text) is empty


def test_the_patterns_agree_with_the_functions() -> None:
    import re

    assert re.fullmatch(SEMVER, "1.2.3-rc.1")
    assert re.fullmatch(RANGE, ">=1.2.0, <2.0.0")
    assert not re.fullmatch(RANGE, ">=1.2")
