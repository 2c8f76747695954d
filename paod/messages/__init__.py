"""What paod tells others: alerts and commit statuses, as facts and then as requests. Pure.

Facts are what the store queues: plain JSON, made where something happened. A request is made of
them when it is sent, so that it carries the address, secret and form that the settings have then.
"""

from paod.messages.alerts import (
    Trouble,
    branch_gone,
    catalog_changed,
    problems_cleared,
    problems_new,
    recovered,
    trouble,
)
from paod.messages.github import STATE_REPEATS, commit_status, github_request
from paod.messages.requests import Request, alert_request, redacted
from paod.messages.words import cut

__all__ = [
    "STATE_REPEATS",
    "Request",
    "Trouble",
    "alert_request",
    "branch_gone",
    "catalog_changed",
    "commit_status",
    "cut",
    "github_request",
    "problems_cleared",
    "problems_new",
    "recovered",
    "redacted",
    "trouble",
]
