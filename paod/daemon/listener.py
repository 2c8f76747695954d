"""The listening socket: made or taken over once, before any fork, and shared by all API workers.

It may not serve anything; it only binds, and leaves nothing behind that a next start trips over.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from collections.abc import Iterator, MutableMapping
from pathlib import Path

from paod.errors import SettingsError

BACKLOG = 1024
FIRST_INHERITED = 3
"""The file descriptor of the first socket that systemd hands over."""
ONE_SOCKET = "paod.socket has one ListenStream="
SOCKET_MODE = 0o660
"""A reverse proxy of the same group may connect."""


def open_listener(address: str) -> socket.socket:
    """Bind and listen on ``host:port`` (``[::1]:8080`` for IPv6) or ``unix:/path``.

    Raise SettingsError when that cannot be had; its hint says why.
    """
    try:
        if address.startswith("unix:"):
            return _listen_unix(Path(address.removeprefix("unix:")))
        return _listen_tcp(*_split(address))
    except OSError as error:
        raise SettingsError(
            f"cannot listen on {address}: {error.strerror or error}", _hint(error)
        ) from error


def inherited_listener(environ: MutableMapping[str, str], pid: int) -> socket.socket | None:
    """Return the socket that systemd listens on for us (sd_listen_fds(3)), None where it does not.

    Raise SettingsError where it is not one listening stream socket.
    """
    names = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
    ours, count, _ = (environ.pop(name, "") for name in names)
    if ours != str(pid) or count in ("", "0"):
        return None
    if count != "1":
        raise SettingsError(f"systemd hands over {count} sockets", ONE_SOCKET)
    try:
        listener = socket.socket(fileno=FIRST_INHERITED)
        listener.set_inheritable(False)
        if not listener.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
            raise OSError(errno.EINVAL, "it does not listen")
    except OSError as error:
        raise SettingsError(
            f"the socket that systemd hands over cannot be used: {error.strerror}", ONE_SOCKET
        ) from error
    listener.setblocking(True)
    return listener


def close_listener(listener: socket.socket) -> None:
    """Close the socket, and remove its file when it has one."""
    path = listener.getsockname() if listener.family == socket.AF_UNIX else None
    listener.close()
    if path:
        with contextlib.suppress(FileNotFoundError):
            Path(path).unlink()


def address_of(listener: socket.socket) -> str:
    """Return where the socket listens, as a URL for TCP, ``unix:/path`` otherwise."""
    name = listener.getsockname()
    if listener.family == socket.AF_UNIX:
        return f"unix:{name}"
    host = f"[{name[0]}]" if listener.family == socket.AF_INET6 else name[0]
    return f"http://{host}:{name[1]}"


def _split(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise SettingsError(
            f"cannot listen on {address}: the port is missing or no number up to 65535",
            "PAO_LISTEN takes host:port or unix:/path",
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


def _listen_tcp(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, name = found[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    with _closed_on_error(listener):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1 if host else 0)
        listener.bind(name)
        listener.listen(BACKLOG)
    return listener


def _listen_unix(path: Path) -> socket.socket:
    _clear_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    with _closed_on_error(listener):
        mask = os.umask(0o777 & ~SOCKET_MODE)
        try:
            listener.bind(str(path))
        finally:
            os.umask(mask)
        listener.listen(BACKLOG)
    return listener


def _clear_stale(path: Path) -> None:
    """Remove a socket that nobody listens on any more; anything else stays where it is."""
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(errno.EEXIST, "there is a file that is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


@contextlib.contextmanager
def _closed_on_error(listener: socket.socket) -> Iterator[None]:
    try:
        yield
    except OSError:
        listener.close()
        raise


def _hint(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "another program listens there: stop it, or choose another PAO_LISTEN"
    if error.errno in (errno.EACCES, errno.EPERM):
        return "ports below 1024 and foreign folders need rights that this user does not have"
    return "PAO_LISTEN takes host:port or unix:/path; the host must be an address of this machine"
