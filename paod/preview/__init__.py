"""What a plan means, for people: what would change, whom it breaks, what goes wrong or right.

Pure. The plan is the sync's own; nothing here decides what a sync does.
"""

from paod.preview.outlook import NOTHING, outlook, told

__all__ = ["NOTHING", "outlook", "told"]
