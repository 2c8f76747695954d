"""A webhook as a Git host sends it: whether it is genuine, and what it asks for. Pure.

Nothing in a payload is an instruction: no URL in it is ever fetched, no revision in it resolved. It
is a hint that the branch may have moved; what is there is asked of the configured repository alone.

A host is a value (``Host``): how a call is authenticated, which headers name event and delivery,
how a payload tells of a push. All else is one path for all of them.
"""

from paod.webhook.decision import ELSEWHERE, Decision, Followed, decide, decide_unread
from paod.webhook.host import Host, is_delivery_id
from paod.webhook.hosts import HOSTS
from paod.webhook.letter import Letter
from paod.webhook.payload import FORM, PARSED_BYTES, Malformed, read_payload
from paod.webhook.sample import DOCTORS_DELIVERY, OTHER_CALLS, Call, ping_call, push_call

__all__ = [
    "DOCTORS_DELIVERY",
    "ELSEWHERE",
    "FORM",
    "HOSTS",
    "OTHER_CALLS",
    "PARSED_BYTES",
    "Call",
    "Decision",
    "Followed",
    "Host",
    "Letter",
    "Malformed",
    "decide",
    "decide_unread",
    "is_delivery_id",
    "ping_call",
    "push_call",
    "read_payload",
]
