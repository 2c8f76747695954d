"""PostgreSQL's errors in the program's own terms: what happened, and what the operator can do."""

from __future__ import annotations

from typing import Final

import psycopg

from paod.errors import StoreError, StoreUnavailable

# The classes of SQLSTATE and single codes (https://www.postgresql.org/docs/current/errcodes-appendix.html)
# after which waiting may help; an error without any comes from the network or from libpq.
_PASSING: Final[tuple[tuple[str, str, str, str], ...]] = (
    (
        "53100",
        "StorageFull",
        "the database server has no room left",
        "free some space on its disk; nothing was half written, and paod goes on by itself",
    ),
    (
        "25006",
        "StorageReadOnly",
        "the database server cannot be written now",
        "see that the name in PAO_DB_URL leads to the primary, and that the role is not read-only"
        " (ALTER ROLE … RESET default_transaction_read_only); `paod serve` tries"
        " again by itself",
    ),
    (
        "55P03",
        "StoreUnavailable",
        "another session holds a lock for too long",
        "see pg_stat_activity for who it is; `paod serve` tries again by itself",
    ),
    (
        "57014",
        "StoreUnavailable",
        "a statement took too long",
        "`paod serve` tries again by itself",
    ),
)
_OURS: Final = (
    ("no password supplied", "set PAO_DB_PASSWORD, best as a file; a passfile has to be mode 0600"),
    ("root certificate file", "add sslrootcert=<file of its authority, PEM> to PAO_DB_URL"),
    ("certificate verify failed", "sslrootcert in PAO_DB_URL names the file of its authority, PEM"),
    ("does not match host name", "write the host in PAO_DB_URL as its certificate names it"),
    ("does not support SSL", "turn ssl on at the server, or take sslmode out of PAO_DB_URL"),
)
"""What libpq says, without a code, of a server that is there, and what mends it on this side."""
_PASSING_CLASSES: Final = ("08", "25P03", "40", "53", "57", "58")


def translated(error: Exception) -> StoreError:
    """Return the error to raise in place of a driver's, ``from`` it."""
    text = _first_line(error)
    state = error.sqlstate if isinstance(error, psycopg.Error) else None
    if state is None and "FATAL: " in text:  # libpq keeps the code of a refused connection back
        return StoreUnavailable(
            f"the database server refuses the connection ({text})",
            "see to user, password and database of PAO_DB_URL, to its pg_hba.conf, and, if it has"
            " no connection left, to PAO_DB_POOL_SIZE; `paod serve` tries again by itself",
        )
    if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and state is None:
        for said, hint in _OURS:
            if said in text:
                return StoreUnavailable(f"the database connection was not made ({text})", hint)
        return StoreUnavailable(
            f"the database server cannot be reached ({text})",
            "see that it runs, and to host and port of PAO_DB_URL; "
            "`paod serve` tries again by itself",
        )
    for code, reason, message, hint in _PASSING:
        if (state or "").startswith(code):
            return StoreUnavailable(f"{message} ({text})", hint, reason=reason)
    if (state or "").startswith(_PASSING_CLASSES):
        return StoreUnavailable(
            f"the database server ended it ({text})", "`paod serve` tries again by itself"
        )
    return StoreError(f"the database refused a statement ({text})")


def _first_line(error: Exception) -> str:
    """Return what was said, without the statement that psycopg and the server quote below it."""
    return (str(error).splitlines() or [type(error).__name__])[0]
