"""How work grows with what came in, counted in steps of the interpreter and never by a clock."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

Trace = Callable[[FrameType, str, Any], Any]


def work(call: Callable[[], object]) -> int:
    """Return how many bytecode instructions a call takes; what C does within one counts as one."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Trace:
        nonlocal count
        frame.f_trace_opcodes = True
        frame.f_trace_lines = False
        count += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def growth(make: Callable[[int], Callable[[], object]], small: int, large: int) -> float:
    """Return by which power the work grows between two sizes: 1 is linear, 2 quadratic.

    ``make`` prepares the call for a size; what it does itself does not count.
    """
    few, many = make(small), make(large)
    make(2)()  # what is done once, whatever the size, is done here
    return _power(work(few), work(many), large / small)


def _power(few: int, many: int, times: float) -> float:
    power = 0.0
    while few * times ** (power + 0.05) < many:
        power += 0.05
    return power
