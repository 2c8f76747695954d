"""The processes of paod: a supervisor, API workers and one sync worker.

The only room that imports waitress. A sync runs in a process that may hang, leak or crash; whoever
reads the catalog never notices. What passes between the processes is the database and, within one
daemon, a page of shared memory.
"""

from paod.daemon.listener import address_of, close_listener, inherited_listener, open_listener
from paod.daemon.notify import Notifier
from paod.daemon.once import daemon_running, run_once
from paod.daemon.opening import (
    everybodys,
    open_store,
    password_of,
    prepare_state,
    prepare_store,
)
from paod.daemon.recovery import Backup, Restored, back_up, restore
from paod.daemon.serving import serve

__all__ = [
    "Backup",
    "Notifier",
    "Restored",
    "address_of",
    "back_up",
    "close_listener",
    "daemon_running",
    "everybodys",
    "inherited_listener",
    "open_listener",
    "open_store",
    "password_of",
    "prepare_state",
    "prepare_store",
    "restore",
    "run_once",
    "serve",
]
