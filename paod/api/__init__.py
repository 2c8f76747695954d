"""The HTTP API: requests in, answers out of the store, requests for syncs into it.

It never syncs: it stores what is asked for, and tells the worker that there is news.
"""

from paod.api.app import create_app
from paod.api.told import log_went_back, look_back

__all__ = ["create_app", "log_went_back", "look_back"]
