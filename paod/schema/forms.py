"""The forms that texts take: names, versions, ranges, durations, dates.

Each is one regular expression that holds for the whole text, read by Cerberus and by JSON Schema
alike, so it keeps to what both dialects mean the same by. These are paod's own patterns; those that
authors write are never run by this module.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from paod.model.limits import RANGE_CHARACTERS
from paod.paths import NAME
from paod.versions import MAX_LENGTH, RANGE, SEMVER


@dataclass(frozen=True, slots=True)
class Form:
    """One form: what it is called in a message, the code when it is missed, and how to mend it."""

    called: str
    pattern: str
    code: str = "bad-value"
    hint: str = ""
    longest: int = 256
    whole: re.Pattern[str] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "whole", re.compile(self.pattern))

    def fits(self, text: str) -> bool:
        """Say whether a text has the form."""
        return len(text) <= self.longest and self.whole.fullmatch(text) is not None


_UNIT_COUNT = r"[0-9]{1,6}"
_DAY = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK = r"[0-9]{2}:[0-9]{2}(?::[0-9]{2})?"
_ZONE = r"(?:Z|[+-][0-9]{2}:[0-9]{2})"
_KEBAB = "use lower-case letters, digits and hyphens, such as 'postgres-database'"

FORMS: dict[str, Form] = {
    "name": Form("a name", NAME, "bad-name", _KEBAB, 63),
    "identifier": Form(
        "a name",
        r"[A-Za-z][A-Za-z0-9_-]{0,62}",
        "bad-name",
        "begin with a letter and go on with letters, digits and '_', such as 'database_name'",
        63,
    ),
    "version": Form(
        "a version", SEMVER, "bad-version", 'write it as MAJOR.MINOR.PATCH: "1.2.0"', MAX_LENGTH
    ),
    "range": Form(
        "a version range",
        RANGE,
        "bad-version",
        'write comparators: ">=1.2.0, <2.0.0"',
        RANGE_CHARACTERS,
    ),
    "duration": Form(
        "a duration", r"(?:[0-9]{1,6}[smhd])+", hint="write seconds, or such as 30s, 10m, 1h30m"
    ),
    "manual": Form("'manual'", "manual", hint="write true, false or manual"),
    "day": Form("a date", _DAY, hint="write it as YYYY-MM-DD"),
    "timezone": Form(
        "a time zone",
        rf"UTC|{_ZONE}|[A-Z][A-Za-z_]*(?:/[A-Za-z0-9_+-]+){{1,2}}",
        hint="write it as 'Europe/Paris', 'UTC' or '+02:00'",
    ),
    "date-limit": Form(
        "a date",
        rf"{_DAY}|today(?: ?[+-] ?{_UNIT_COUNT}[dw])?",
        hint="write YYYY-MM-DD, today, or such as today+30d or today-2w",
    ),
    "datetime-limit": Form(
        "a date and time",
        rf"{_DAY}[T ]{_CLOCK}{_ZONE}?|now(?: ?[+-] ?{_UNIT_COUNT}[mhdw])?",
        hint="write YYYY-MM-DDTHH:MM, now, or such as now+12h or now+30d",
    ),
    "time-limit": Form("a time of day", _CLOCK, hint="write it as HH:MM or HH:MM:SS"),
}
