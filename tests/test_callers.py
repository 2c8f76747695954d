"""Who calls: what a proxy says of it is an address or nothing, and one caller counts as one."""

from __future__ import annotations

import pytest

from paod.api.callers import address_of
from paod.daemon.forwarded import tidy


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"),
        (" 203.0.113.7:4711 ", "203.0.113.7"),
        ('"203.0.113.7"', "203.0.113.7"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("[::ffff:203.0.113.7]:4711", "203.0.113.7"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("2001:0db8:0000:0000:0000:0000:0000:0001", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("[2001:db8::1]:443", "2001:db8::1"),
        ("fe80::1%eth0", "fe80::1"),
        ("unknown", None),
        ("_hidden", None),
        ("", None),
        ("203.0.113.7, 198.51.100.1", None),
        ("203.0.113.07", None),
        ("x" * 58_000, None),
        ("fe80::1%" + "x" * 58_000, None),
        ("203.0.113.7\x1b[2J", None),
    ],
)
def test_an_address_has_one_spelling(text: str, address: str | None) -> None:
    assert address_of(text) == address


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ({"FOR": "x" * 58_000}, {}),
        ({"FOR": "198.51.100.1, 203.0.113.7"}, {"FOR": "203.0.113.7"}),
        ({"FOR": "203.0.113.7, nonsense"}, {}),
        ({"FOR": "[2001:DB8::1]:443"}, {"FOR": "2001:db8::1"}),
        ({"PROTO": "https"}, {"PROTO": "https"}),
        ({"PROTO": "javascript"}, {}),
        ({"HOST": "catalog.example.com:8443"}, {"HOST": "catalog.example.com:8443"}),
        ({"HOST": "a" * 256}, {}),
        ({"HOST": "a b"}, {}),
        ({"PORT": "8443"}, {"PORT": "8443"}),
        ({"PORT": "8443, 1"}, {}),
    ],
)
def test_what_a_proxy_says_has_its_form_or_is_dropped(
    said: dict[str, str], left: dict[str, str]
) -> None:
    environ = {f"HTTP_X_FORWARDED_{name}": value for name, value in said.items()}
    tidy(environ)
    assert environ == {f"HTTP_X_FORWARDED_{name}": value for name, value in left.items()}
