"""What an operator sees of paod at one moment, and what he should have seen."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.scraped import Scraped

GOOD_ENOUGH = ("good", "warning", "skipped")


@dataclass(frozen=True)
class AtLeast:
    """A number that may be larger."""

    least: float


@dataclass(frozen=True)
class View:
    """All that an operator can look at; ``metrics``: None while nobody answers.

    ``unit``: what `systemctl status` shows.
    """

    status: tuple[int, Mapping[str, Any]]
    doctor: tuple[int, Mapping[str, Any]]
    metrics: Scraped | None
    alerts: list[Mapping[str, Any]]
    log: list[str]
    unit: str


@dataclass(frozen=True)
class Expected:
    """What is to be seen; what is not named here is to be well.

    ``stale``: the codes of the reasons; ``says``: parts of the last sync's message;
    ``bad``: the checks of the doctor that are bad, each with a part of its message or hint;
    ``metrics``: by name, or ``name{label="value"}``; ``alerts``: all that came since the moment
    before, in order; ``log``: regular expressions of lines that were written since then.
    """

    stale: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    status: Mapping[str, Any] = field(default_factory=dict)
    unreadable: str = ""
    bad: Mapping[str, str] = field(default_factory=dict)
    warned: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float | AtLeast] | None = field(default_factory=dict)
    alerts: tuple[str, ...] = ()
    log: tuple[str, ...] = ()

    def missing(self, view: View) -> list[str]:
        """Return what differs, a sentence each."""
        return [
            *self._of_status(*view.status),
            *self._of_doctor(*view.doctor),
            *self._of_unit(view.unit),
            *self._of_metrics(view.metrics),
            *self._of_alerts(view.alerts),
            *(f"log: no line {one!r}" for one in self.log if not matching(one, view.log)),
        ]

    def _of_status(self, ended: int, status: Mapping[str, Any]) -> Iterator[str]:
        if self.unreadable:
            if ended != 1 or self.unreadable not in str(status.get("error")):
                yield f"status: ended with {ended}, {status}"
            return
        if "error" in status:
            yield f"status: {status['error']}"
            return
        codes = tuple(reason["code"] for reason in status["stale_reasons"])
        if codes != self.stale or ended != (1 if self.stale else 0):
            yield f"status: ended with {ended}, stale for {codes} instead of {self.stale}"
        said = (status["last"] or {}).get("message") or ""
        yield from (
            f"status: {part!r} is not in {said!r}" for part in self.says if part not in said
        )
        for path, wanted in self.status.items():
            if (found := _at(status, path)) != wanted:
                yield f"status: {path} is {found!r} instead of {wanted!r}"

    def _of_doctor(self, ended: int, doctor: Mapping[str, Any]) -> Iterator[str]:
        if ended != (1 if self.bad else 0):
            yield f"doctor: ended with {ended}"
        checks = doctor["checks"]
        bad = {one["check"] for one in checks if one["state"] == "bad"}
        if bad != set(self.bad):
            yield f"doctor: {bad or 'nothing'} is bad instead of {set(self.bad) or 'nothing'}"
        for state, wanted in (("bad", self.bad), ("warning", self.warned)):
            for check, part in wanted.items():
                told = [
                    _told(one) for one in checks if (one["check"], one["state"]) == (check, state)
                ]
                if not any(part in one for one in told):
                    yield f"doctor: {part!r} is not said of {check}: {told}"

    def _of_unit(self, unit: str) -> Iterator[str]:
        """It says the same as ``paod status``, while the daemon runs."""
        told = f"stale ({', '.join(self.stale)})" if self.stale else "serving"
        if self.metrics is not None and (told not in unit or ("stale" in unit) != bool(self.stale)):
            yield f"unit: {told!r} is not what it says: {unit!r}"

    def _of_metrics(self, metrics: Scraped | None) -> Iterator[str]:
        if self.metrics is None or metrics is None:
            if (self.metrics is None) != (metrics is None):
                yield f"metrics: {'there are some' if metrics else 'nobody answers'}"
            return
        for name, wanted in self.metrics.items():
            found = value_of(metrics, name)
            least = wanted.least if isinstance(wanted, AtLeast) else wanted
            if found is None or found < least or (found > least and wanted == least):
                yield f"metrics: {name} is {found} instead of {wanted}"

    def _of_alerts(self, alerts: list[Mapping[str, Any]]) -> Iterator[str]:
        names = tuple(one["alert"] for one in alerts)
        if names != self.alerts:
            yield f"alerts: {names} instead of {self.alerts}"


def matching(pattern: str, lines: list[str]) -> list[str]:
    """Return the lines in which a regular expression is found."""
    return [line for line in lines if re.search(pattern, line)]


def value_of(metrics: Scraped, name: str) -> float | None:
    """Return the value of ``name`` or ``name{label="value"}``."""
    bare, _, labels = name.partition("{")
    return metrics.value(bare, **dict(re.findall(r'(\w+)="([^"]*)"', labels)))


def _at(found: Any, path: str) -> Any:
    for key in path.split("."):
        found = None if found is None else found[key]
    return found


def _told(finding: Mapping[str, Any]) -> str:
    return f"{finding['message']} → {finding['hint']}"
