"""``paod doctor``: looks at everything that paod stands on, and says what to mend.

It changes nothing, waits for nothing long, and shows no secret. What could not be looked at,
because something before it is broken, says so.
"""

from paod.doctor.finding import Finding, State
from paod.doctor.round import examine

__all__ = ["Finding", "State", "examine"]
