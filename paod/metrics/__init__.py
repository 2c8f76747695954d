"""What machines watch paod by, in Prometheus' words.

What the database knows is read from it at each scrape, so that it is the same on all machines and
after every restart (``catalog``). What only a process knows it counts for itself, in files that
all processes of the daemon share and none of them owns (``meters``, ``sharing``).
"""

from paod.metrics.exposition import CONTENT_TYPE, Exposition
from paod.metrics.meters import Meters
from paod.metrics.sharing import Shared, prepare

__all__ = ["CONTENT_TYPE", "Exposition", "Meters", "Shared", "prepare"]
