"""Plays the incidents that are named, or all, and prints what an operator sees of each."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Iterator

from tests.incidents.incident import Incident
from tests.incidents.plays import INCIDENTS, CannotBePlayed, play
from tests.incidents.seen import matching, value_of
from tests.incidents.site import Moment


def main(names: list[str]) -> int:
    """Play; return 1 when something was not as expected, 2 for an unknown name."""
    known = [one.name for one in INCIDENTS]
    if unknown := set(names) - set(known):
        print(f"no incident {', '.join(sorted(unknown))}; there are {', '.join(known)}")
        return 2
    ends = [(one.name, _play(one)) for one in INCIDENTS if not names or one.name in names]
    for name, end in ends:
        print(f"{name:<20}{end}")
    return int(any(end.startswith("FAILED") for _, end in ends))


def _play(incident: Incident) -> str:
    print(f"\n{incident.name}: {incident.title}", flush=True)
    moments: list[Moment] = []
    began = time.monotonic()
    try:
        play(incident, moments)
        end = f"passed in {time.monotonic() - began:.0f} s"
    except CannotBePlayed as why:
        end = f"not played: {why}"
    except AssertionError as error:
        place = traceback.extract_tb(error.__traceback__)
        line = next(one for one in reversed(place) if "incidents" in one.filename)
        end = f"FAILED at {line.name}, {line.line}\n{error}"
    for moment in moments:
        print(f"  {moment.name}")
        for source, seen in _lines(moment):
            print(f"    {source:<7} {seen}")
    print(f"  {end}", flush=True)
    return end.partition("\n")[0]


def _lines(moment: Moment) -> Iterator[tuple[str, str]]:
    """Yield where somebody looks, and what is to be seen there."""
    view, expected = moment.view, moment.expected
    yield "status", f"exit {view.status[0]}; {_status(moment)}"
    if view.metrics is not None:
        yield "unit", view.unit
    ill = [
        one
        for one in view.doctor[1]["checks"]
        if one["check"] in {**expected.bad, **expected.warned}
    ]
    for one in ill:
        yield "doctor", f"{one['state']} {one['check']}: {one['message']} → {one['hint']}"
    if not ill:
        yield "doctor", f"exit {view.doctor[0]}; nothing is bad"
    for name in expected.metrics or ():
        if view.metrics is not None:
            yield "metric", f"{name} {value_of(view.metrics, name):g}"
    if view.metrics is None:
        yield "metric", "nobody answers"
    for alert in view.alerts:
        yield "alert", f"{alert['alert']} ({alert['severity']}): {alert['summary']}"
    if not view.alerts:
        yield "alert", "none"
    lines = [matching(pattern, view.log)[-1] for pattern in expected.log]
    yield from (("log", line) for line in dict.fromkeys(lines))


def _status(moment: Moment) -> str:
    status = moment.view.status[1]
    if "error" in status:
        return str(status["error"]).strip()
    if not status["stale"]:
        pin = status["pin"]
        return f"fresh, held: {pin['reason']}" if pin else "fresh"
    why = "; ".join(reason["message"] for reason in status["stale_reasons"])
    return f"stale: {why}; last: {status['last']['message']}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
