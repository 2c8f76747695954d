"""Who calls: an address in its one spelling, and as what a caller counts where calls are limited.

Behind a proxy an address is a text that somebody wrote: what is none is never kept or logged.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

import falcon

LONGEST: Final = 64
"""Characters of an address, its zone and port included."""
NETWORK_BITS: Final = 64
"""Of an IPv6 address that are one caller's: hosts get a /64 and may use any address of it."""

_WITH_PORT: Final = re.compile(r"\[([0-9A-Fa-f:.]+)(?:%[^\]]*)?\](?::\d{1,5})?|([0-9.]+):\d{1,5}")


def address_of(text: str) -> str | None:
    """Return an address without brackets, port and zone, in its one spelling; None: it is none."""
    text = text.strip().strip('"')
    if len(text) > LONGEST:
        return None
    found = _WITH_PORT.fullmatch(text)
    bare = (found[1] or found[2]) if found else text.partition("%")[0]
    try:
        return str(_folded(ip_address(bare)))
    except ValueError:
        return None


def source(req: falcon.Request) -> str:
    """Return a caller's address as it is logged; who comes over a unix socket has none."""
    given: str = req.remote_addr
    return address_of(given) or given[:LONGEST]


def counted_as(req: falcon.Request) -> str:
    """Return what calls are counted by: an IPv4 address, or the /64 of an IPv6 one."""
    given = source(req)
    return str(ip_network((given, NETWORK_BITS), strict=False)) if ":" in given else given


def _folded(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
