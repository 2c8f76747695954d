"""Settings: the environment and a YAML file, checked whole, read once. It may not do the work."""

from paod.config.loading import load
from paod.config.secret import Secret
from paod.config.settings import Settings, basic_of
from paod.config.table import SETTINGS, Setting
from paod.config.tokens import digest_of, new_token, with_admin_token
from paod.config.values import Rate

__all__ = [
    "SETTINGS",
    "Rate",
    "Secret",
    "Setting",
    "Settings",
    "basic_of",
    "digest_of",
    "load",
    "new_token",
    "with_admin_token",
]
