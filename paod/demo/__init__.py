"""``paod demo``: a daemon on an example repository, with nothing to configure.

It is given the function that serves, so that it needs to know nothing of processes; it makes a
repository, settings and tokens, says what to try, and clears away what it made.
"""

from paod.demo.run import listen_near, run

__all__ = ["listen_near", "run"]
