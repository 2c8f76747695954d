"""What comes in: the daemon that answers, webhooks that arrive, the proxy that is believed."""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import socket
from datetime import datetime, timedelta
from typing import Final

from paod.config import Settings
from paod.daemon import daemon_running
from paod.doctor.database import Look
from paod.doctor.finding import Finding, bad, good, skipped, warning
from paod.repository_url import is_loopback
from paod.webhook import ELSEWHERE

ANSWER_SECONDS: Final = 3.0
LATELY: Final = timedelta(days=7)


def daemon(settings: Settings) -> Finding:
    """Tell whether the daemon runs, and answers."""
    if not daemon_running(settings):
        return warning("daemon", "it does not run here", "systemctl start paod, or `paod serve`")
    if settings.listen.endswith(":0"):
        return good("daemon", "it runs, on a port that the system chose")
    try:
        status = _asked(settings.listen)
    except (OSError, http.client.HTTPException) as error:
        message = f"it runs, and gives no answer at {settings.listen} ({error})"
        return bad("daemon", message, "see its log")
    if status != 200:
        return bad("daemon", f"it runs, and answers {status} at {settings.listen}", "see its log")
    return good("daemon", f"it runs, and answers at {settings.listen}")


def _asked(listen: str) -> int:
    """Ask for ``/livez``; return the status."""
    if listen.startswith("unix:"):
        connection = http.client.HTTPConnection("localhost", timeout=ANSWER_SECONDS)
        connection.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.sock.settimeout(ANSWER_SECONDS)
        connection.sock.connect(listen.removeprefix("unix:"))
    else:
        host, _, port = listen.rpartition(":")
        place = {"0.0.0.0": "127.0.0.1", "[::]": "::1"}.get(host, host.strip("[]"))  # noqa: S104 not bound
        connection = http.client.HTTPConnection(place, int(port), timeout=ANSWER_SECONDS)
    with contextlib.closing(connection):
        connection.request("GET", "/livez")
        return connection.getresponse().status


def webhook(settings: Settings, look: Look, now: datetime) -> Finding:
    """Tell when the last delivery came."""
    if settings.webhook_secret is None:
        hint = "set PAO_WEBHOOK_SECRET, and the same secret in the repository's settings"
        return warning("webhook", "off: changes are seen at the next poll", hint)
    if not look.readable:
        return skipped("webhook", "the database cannot be read")
    hint = "see the hook's own list of deliveries at the Git host, and `paod webhook test`"
    if not look.deliveries:
        return warning("webhook", "none has come yet", hint)
    newest = look.deliveries[0]
    last = newest["last_received_at"]
    told = f"the last one came at {last} and was {newest['status']}"
    pushes = [one for one in look.deliveries if one["payload"]]
    if pushes and all(str(one["reason"]).startswith(ELSEWHERE) for one in pushes):
        return bad(
            "webhook",
            f"the newest {len(pushes)} pushes were ignored: {pushes[0]['reason']},"
            f" and PAO_REPO_URL is {settings.repo_url}",
            "was it renamed? Set PAO_REPO_URL to the first, or PAO_REPO_ALIASES where both are it",
        )
    if now - datetime.fromisoformat(last) > LATELY:
        return warning("webhook", told, hint)
    return good("webhook", told)


def proxy(settings: Settings) -> Finding:
    """Tell whether a proxy's headers can be believed, by where paod listens."""
    trusted, listen = settings.trusted_proxy, settings.listen
    local = listen.startswith("unix:") or _is_loopback(listen)
    if trusted is None and not local:
        hint = "let a proxy with TLS stand before it: PAO_LISTEN=127.0.0.1:8080"
        return warning("proxy", f"none is believed, and {listen} is open to the network", hint)
    if trusted is None:
        hint = "behind a proxy set PAO_TRUSTED_PROXY, or all callers count as one address"
        return warning("proxy", f"none is believed; {listen} is for this machine alone", hint)
    if _is_loopback(listen) and not ipaddress.ip_address(trusted).is_loopback:
        message = f"{trusted} is believed, and cannot be who connects to {listen}"
        return bad("proxy", message, "set PAO_TRUSTED_PROXY to 127.0.0.1 (or ::1)")
    return good("proxy", f"{trusted} is believed")


def _is_loopback(listen: str) -> bool:
    return is_loopback(listen.rpartition(":")[0].strip("[]"))
