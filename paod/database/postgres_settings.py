"""What paod relies on in each of its sessions, and sets there, whatever an administrator set.

``ALTER ROLE … SET``, ``ALTER DATABASE … SET`` and ``postgresql.conf`` are defaults for every
program that comes; a few of them would change what paod reads, end its sessions, or let it forget
what it confirmed. What is not in this table is the administrator's to choose, as is
``default_transaction_read_only``: whoever freezes a database so means it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

LOCK_SECONDS: Final = 4
"""For which a statement waits for a lock: whoever delivers a webhook is to have his answer within
five."""
STATEMENT_SECONDS: Final = 60
WRITING_IDLE_SECONDS: Final = 5
"""For which a transaction that writes may stand without a statement: all other writers wait."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A parameter of the server and paod's value for it. ``since``: the first major version."""

    name: str
    value: str
    why: str
    since: int = 0
    when: str = ""
    """What has to hold for it to be set, in SQL."""


SETTINGS: Final = (
    Setting("TimeZone", "UTC", "the form of times that are read"),
    Setting("DateStyle", "ISO, YMD", "the form of times that are read, and that are written"),
    Setting("IntervalStyle", "postgres", "the form of intervals"),
    Setting("bytea_output", "hex", "the form of bytes"),
    Setting("extra_float_digits", "1", "numbers come back as they were written"),
    Setting("standard_conforming_strings", "on", "a backslash in a text is a backslash"),
    Setting("backslash_quote", "safe_encoding", "no quote is made by a backslash"),
    Setting("array_nulls", "on", "NULL within an array is one"),
    Setting("transform_null_equals", "off", "`= NULL` stays what it is"),
    Setting("quote_all_identifiers", "off", "names come back as they were written"),
    Setting("default_transaction_isolation", "read committed", "each writer sees the last one's"),
    Setting("default_transaction_deferrable", "off", "nobody waits for a quiet moment"),
    Setting("gin_fuzzy_search_limit", "0", "a search finds all that there is"),
    Setting("lock_timeout", f"{LOCK_SECONDS}s", "nobody waits for ever"),
    Setting("statement_timeout", f"{STATEMENT_SECONDS}s", "nobody waits for ever"),
    Setting(
        "idle_in_transaction_session_timeout",
        f"{STATEMENT_SECONDS}s",
        "who hangs in a transaction leaves it; 5 s in one that writes",
    ),
    Setting("idle_session_timeout", "0", "the session that holds the lock may idle", 14),
    Setting("transaction_timeout", "0", "a first sync's transaction may take its time", 17),
    Setting(
        "synchronous_commit",
        "on",
        "what was confirmed is kept",
        when="current_setting('synchronous_commit') = 'off'",  # others are his to choose
    ),
    Setting(
        "client_connection_check_interval",
        "2s",
        "nothing is worked on for one who has given up",
        14,
        when="version() LIKE '%linux%'",  # a server elsewhere may refuse it
    ),
    Setting("tcp_keepalives_idle", "2", "who vanished is missed"),
    Setting("tcp_keepalives_interval", "1", "who vanished is missed"),
    Setting("tcp_keepalives_count", "3", "who vanished is missed"),
    Setting("tcp_user_timeout", "5000", "who vanished is missed"),
)
# The first schema of the path that is there, and that one alone: what lies in another one of the
# same name can never be met. It is the one setting that the administrator chooses, and no session
# may have another one than the first.
_SCHEMA: Final = """
SELECT set_config('search_path', COALESCE(quote_ident(current_schema()),
                                          current_setting('search_path')), false) AS search_path
"""


def statement(version: int) -> str:
    """Return what sets all in a session of a server, by its ``server_version_num``.

    The last of its results names the search path that it has from then on.
    """
    known = [one for one in SETTINGS if version >= one.since * 10_000]
    return "; ".join([*map(_set, known), _SCHEMA])


def _set(setting: Setting) -> str:
    if not setting.when:
        return f"SET {setting.name} = '{setting.value}'"
    return f"SELECT set_config('{setting.name}', '{setting.value}', false) WHERE {setting.when}"
