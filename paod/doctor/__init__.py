"""``paod doctor``: looks at everything that paod stands on, and says what to mend.

It changes nothing but the row of the one ping that it sends to paod's own address, waits for
nothing long, and shows no secret. What could not be looked at, because something before it is
broken, says so.
"""

from paod.doctor.calling import Outcome, likely_host, try_call
from paod.doctor.finding import Finding, State
from paod.doctor.round import examine

__all__ = ["Finding", "Outcome", "State", "examine", "likely_host", "try_call"]
