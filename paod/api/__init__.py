"""The HTTP API: requests in, answers out of the store, requests for syncs into it.

It never syncs: it stores what is asked for, and tells the worker that there is news.
"""

from paod.api.app import create_app

__all__ = ["create_app"]
