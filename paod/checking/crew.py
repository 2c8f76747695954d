"""Many small tasks by worker processes, none of which can take the others down.

A pushed file can make the C parser crash, hang or eat all memory, and nothing inside a process can
catch that. So a worker answers task by task: when it dies, or is silent for too long, the first
task that it has not answered is tried once more in a new one, and then given up.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")
Watcher = Callable[[int], None]
"""Told of each task that is done: how many are done by now."""

BATCH = 64
"""Tasks in one worker's hand; fewer when there are few, so that all have something to do."""
TRIES = 2
_CONTEXT: Any = multiprocessing.get_context(
    "fork" if sys.platform == "linux" and hasattr(os, "fork") else "spawn"
)


@dataclass(slots=True)
class _Worker:
    """A process, its pipe, the numbers of the tasks in its hand, and when it last answered."""

    process: BaseProcess
    pipe: Connection
    hand: deque[int] = field(default_factory=deque)
    answered: float = 0.0


class Crew(Generic[Task, Result]):
    """Does ``work`` on tasks in ``jobs`` processes; ``give_up`` answers for a task that kills.

    Both must be functions of a module, tasks and results plain values. What ``work`` raises is
    raised here; ``seconds`` is how long one task may take.
    """

    def __init__(
        self,
        work: Callable[[Task], Result],
        give_up: Callable[[Task], Result],
        jobs: int,
        seconds: float = 30.0,
    ) -> None:
        self._work = work
        self._give_up = give_up
        self._jobs = jobs
        self._seconds = seconds

    def results(self, tasks: Sequence[Task]) -> Iterator[tuple[Task, Result]]:
        """Yield each task with its result, in the order in which they are done."""
        waiting = deque(range(len(tasks)))
        batch = max(1, min(BATCH, len(tasks) // (4 * self._jobs)))
        crew = [self._hire() for _ in range(min(self._jobs, len(tasks)))]
        killed: Counter[int] = Counter()
        try:
            while True:
                for worker in crew:
                    if not worker.hand:
                        _hand_out(worker, waiting, batch, tasks)
                busy = [worker for worker in crew if worker.hand]
                if not busy:
                    return
                for worker in _ready(busy, self._seconds):
                    try:
                        result = worker.pipe.recv()
                    except (EOFError, OSError):
                        crew[crew.index(worker)] = self._hire()
                        lost = _bury(worker, waiting, killed)
                        yield from (
                            (tasks[number], self._give_up(tasks[number])) for number in lost
                        )
                        continue
                    if isinstance(result, Exception):
                        raise result
                    worker.answered = time.monotonic()
                    yield tasks[worker.hand.popleft()], result
        finally:
            for worker in crew:
                _dismiss(worker)

    def _hire(self) -> _Worker:
        ours, theirs = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=_serve, args=(self._work, theirs), daemon=True)
        process.start()
        theirs.close()
        return _Worker(process, ours)


def _hand_out(worker: _Worker, waiting: deque[int], batch: int, tasks: Sequence[Any]) -> None:
    while waiting and len(worker.hand) < batch:
        worker.hand.append(waiting.popleft())
    worker.answered = time.monotonic()
    if worker.hand:
        try:
            worker.pipe.send([tasks[number] for number in worker.hand])
        except OSError:  # it died: reading from it will tell
            return


def _ready(busy: Sequence[_Worker], seconds: float) -> Iterator[_Worker]:
    """Yield workers that have answered or died; one that is silent for too long is killed."""
    ready = set(wait([worker.pipe for worker in busy], timeout=min(1.0, seconds)))
    for worker in busy:
        if worker.pipe in ready:
            yield worker
        elif time.monotonic() - worker.answered > seconds:
            worker.process.kill()


def _bury(worker: _Worker, waiting: deque[int], killed: Counter[int]) -> list[int]:
    """Put a dead worker's tasks back in front, but for the one that has killed too often."""
    _dismiss(worker)
    first = worker.hand[0]
    killed[first] += 1
    lost = [worker.hand.popleft()] if killed[first] >= TRIES else []
    waiting.extendleft(reversed(worker.hand))
    return lost


def _dismiss(worker: _Worker) -> None:
    worker.process.kill()
    worker.process.join()
    worker.pipe.close()


def _serve(work: Callable[[Any], Any], pipe: Connection) -> None:
    """Answer batches of tasks until the other side has gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that hired this one
    try:
        while True:
            for task in pipe.recv():
                pipe.send(_outcome(work, task))
    except (EOFError, OSError):
        return


def _outcome(work: Callable[[Any], Any], task: Any) -> Any:
    try:
        return work(task)
    except MemoryError:  # says something of this process: another may have room
        os._exit(1)
    except Exception as error:  # carried to where somebody hears it
        return error
