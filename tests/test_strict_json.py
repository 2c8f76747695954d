"""JSON from strangers: one kind of failure, whatever is wrong."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paod.strict_json import BadJSON, parse


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"{} {}",
        b"NaN",
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": ' + b"9" * 5000 + b"}",
        b'{"a": 1, "a": 2}',
        b'{"x": [{"a": 1, "\\u0061": 2}]}',
        b'"\\ud800"',
        b'{"\\udfff": 1}',
        b'"\xff"',
        b"\xef\xbb\xbf{}",
        b"\xff\xfe{\x00}\x00",
        b"[" * 65 + b"]" * 65,
        b'{"a":[' * 33 + b"]}" * 33,
        b"[" * 500 + b"]" * 500,
        b"[" * 1010 + b"]" * 1010,
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"'single'",
        b'"\x00"',
    ],
)
def test_hostile_input_is_refused_in_one_way(data):
    with pytest.raises(BadJSON) as caught:
        parse(data)
    assert "body" in str(caught.value)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"{}", {}),
        (b' [1, -2.5e3, true, null, "\\u0000\\ud83d\\ude00"] ', [1, -2500.0, True, None, "\0😀"]),
        (b'{"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}', {"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]}),
        (b"18446744073709551615", 2**64 - 1),
        (b"[" * 64 + b"1" + b"]" * 64, None),
    ],
)
def test_sound_json_is_read(data, value):
    parsed = parse(data)
    assert value is None or parsed == value


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data):
    with contextlib.suppress(BadJSON):
        parse(data)
