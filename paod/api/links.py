"""Where everything is: the addresses that answers carry, relative to the server's own."""

from __future__ import annotations

from paod.model import Kind

API = "/api/v1"
CATALOG = f"{API}/catalog"
ADMIN = f"{API}/admin"
ADMIN_CATALOG = f"{ADMIN}/catalog"
OPENAPI = f"{API}/openapi.json"
HEALTH = f"{API}/health"


def entries(kind: Kind) -> str:
    """Return the address of the list of items or bundles."""
    return f"{CATALOG}/{kind}s"


def entry(kind: Kind, name: str) -> str:
    """Return the address of one item or bundle."""
    return f"{entries(kind)}/{name}"


def revision(kind: Kind, name: str, number: int) -> str:
    """Return the address of one revision."""
    return f"{entry(kind, name)}/versions/{number}"


def item_pin(name: str) -> str:
    """Return the address at which an item is pinned and released."""
    return f"{ADMIN_CATALOG}/items/{name}/pin"


def sync(sync_id: int) -> str:
    """Return the address of one sync."""
    return f"{ADMIN_CATALOG}/syncs/{sync_id}"


def event(delivery_id: str) -> str:
    """Return the address of one delivery."""
    return f"{ADMIN}/webhooks/events/{delivery_id}"


def webhook(host: str) -> str:
    """Return the address at which one Git host delivers."""
    return f"{API}/webhooks/{host}"


def problem_code(code: str) -> str:
    """Return the address that explains a problem's code."""
    return f"{API}/problem-codes/{code}"
