"""Dates and times as fields hold them, and the limits on them, fixed or relative to now.

Values are ISO 8601: ``2026-03-31``, ``2026-03-31T14:30:00+02:00``, ``14:30``. A limit or
default may also be relative, ``today+30d``, ``now-12h``: it is known only when somebody fills the
form in.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

Moment = date | datetime | time
"""What a field of the type date, datetime or time holds; a datetime always knows its zone."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})?"
)
_TIME = re.compile(r"[0-9]{2}:[0-9]{2}(?::[0-9]{2})?")
_RELATIVE = re.compile(r"(today|now)(?: ?([+-]) ?([0-9]{1,6})([mhdw]))?")
_OFFSET = re.compile(r"([+-])([0-9]{2}):([0-9]{2})")
_UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse(kind: str, text: str, zone: str | None = None) -> Moment | None:
    """Read a ``date``, ``datetime`` or ``time``; None: the text is none.

    A datetime without an offset is taken in ``zone``, a field's ``timezone``; without one, in UTC.
    """
    try:
        if kind == "date":
            return date.fromisoformat(text) if _DATE.fullmatch(text) else None
        if kind == "time":
            return time.fromisoformat(text) if _TIME.fullmatch(text) else None
        moment = datetime.fromisoformat(text) if _DATETIME.fullmatch(text) else None
        return _in_zone(moment, zone)
    except (ValueError, OverflowError):
        return None


def is_after(
    kind: str, one: str, other: str, zone: str | None, now: datetime | None = None
) -> bool:
    """Say whether one limit or value surely lies after another.

    Without ``now`` the answer depends on the texts alone: a fixed and a relative one are not
    compared, nor two of which one needs a named zone's rules, which machines know in editions.
    """
    near, far = distance(one), distance(other)
    if near is not None and far is not None:
        return near > far
    if now is None and _needs_zone(one, zone) != _needs_zone(other, zone):
        return False
    first, second = limit(kind, one, zone, now), limit(kind, other, zone, now)
    if first is None or second is None:
        return False
    return first > second  # type: ignore[operator]  # both are of one kind


def _needs_zone(text: str, zone: str | None) -> bool:
    return "/" in (zone or "") and _DATETIME.fullmatch(text) is not None and _is_local(text)


def _is_local(text: str) -> bool:
    return not text.endswith("Z") and text[-6] not in "+-"


def is_relative(text: str) -> bool:
    """Say whether a limit or default counts from the day or moment the form is filled in."""
    return _RELATIVE.fullmatch(text) is not None


def limit(kind: str, text: str, zone: str | None, now: datetime | None) -> Moment | None:
    """Return what moment a limit stands for; None: a bad one, or relative without ``now``."""
    match = _RELATIVE.fullmatch(text)
    if match is None:
        return parse(kind, text, zone)
    return None if now is None else _relative(match, kind, zone, now)


def distance(text: str) -> timedelta | None:
    """Return how far a relative limit lies from now; None: the limit is not relative."""
    match = _RELATIVE.fullmatch(text)
    if match is None:
        return None
    count = int(match[3] or 0)
    if match[4] is None:
        return timedelta()
    return timedelta(**{_UNITS[match[4]]: -count if match[2] == "-" else count})


def zone_of(name: str | None) -> tzinfo:
    """Return a time zone by its name or offset; UTC where this machine does not know it."""
    match = _OFFSET.fullmatch(name or "")
    try:
        if match is not None:
            offset = timedelta(hours=int(match[2]), minutes=int(match[3]))
            return timezone(-offset if match[1] == "-" else offset)
        return ZoneInfo(name) if name and name not in ("UTC", "Z") else UTC
    except (ValueError, KeyError, OSError):
        return UTC


def _in_zone(moment: datetime | None, zone: str | None) -> datetime | None:
    if moment is None or moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=zone_of(zone))


def _relative(match: re.Match[str], kind: str, zone: str | None, now: datetime) -> Moment | None:
    try:
        moment = now.astimezone(zone_of(zone)) + (distance(match[0]) or timedelta())
    except OverflowError:
        return None
    return moment.date() if kind == "date" else moment
