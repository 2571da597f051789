"""Runs the subjects in turns, so that what disturbs the machine disturbs all of them alike."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any

from .subjects import Subject
from .workloads import Workload

Say = Callable[[str], None]

_STOP_SECONDS = 10.0
_LEAST_ROUNDS = 3


@dataclass
class Measured:
    """The samples of one subject at one workload, one a round."""

    cost: list[float] = field(default_factory=list)
    """CPU per message, in yards: free of how fast the machine was just then."""
    yards: list[float] = field(default_factory=list)
    """CPU seconds of the yardstick."""
    spans: list[float] = field(default_factory=list)


Results = dict[tuple[str, str], Measured]
"""By the names of workload and subject."""


class Process:
    """A subject's process."""

    def __init__(self, name: str, running: subprocess.Popen[str]) -> None:
        self._name = name
        self._running = running

    def ask(self, do: str, workload: Workload, **more: int) -> dict[str, Any]:
        stdin, stdout = self._running.stdin, self._running.stdout
        assert stdin is not None and stdout is not None
        stdin.write(json.dumps({"do": do, "workload": workload.name, **more}) + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} ended early; what it said is above")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def process(subject: Subject) -> Iterator[Process]:
    command = [sys.executable, "-m", f"{__package__}.worker", subject.name]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            yield Process(subject.name, running)
        finally:
            assert running.stdin is not None
            running.stdin.close()
            try:
                running.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                running.kill()


@contextmanager
def started(subjects: Iterable[Subject]) -> Iterator[dict[str, Process]]:
    """Start a process for each subject, and stop them all at the end."""
    with ExitStack() as stack:
        yield {each.name: stack.enter_context(process(each)) for each in subjects}


def measure(
    subjects: Sequence[Subject], workloads: Sequence[Workload], *, seconds: float, say: Say
) -> Results:
    """Measure each subject at each workload, in whole rounds until the time is up."""
    results: Results = {(w.name, s.name): Measured() for w in workloads for s in subjects}
    with started(subjects) as processes:
        say("warming up")
        for _ in _round(processes, workloads, random.Random(0)):
            pass
        _talk(results, processes, workloads, seconds, say)
    return results


def _talk(
    results: Results,
    processes: dict[str, Process],
    workloads: Sequence[Workload],
    seconds: float,
    say: Say,
) -> None:
    order, until, done = random.Random(1), time.monotonic() + seconds, 0
    while done < _LEAST_ROUNDS or time.monotonic() < until:
        for workload, subject, answer in _round(processes, workloads, order):
            measured = results[workload.name, subject]
            measured.cost.append(answer["cpu"] / answer["yard"])
            measured.yards.append(answer["yard"])
            measured.spans.append(answer["spans"])
        done += 1
        say(f"round {done}, {max(0.0, until - time.monotonic()):.0f} s left")


def _round(
    processes: dict[str, Process], workloads: Iterable[Workload], order: random.Random
) -> Iterator[tuple[Workload, str, dict[str, Any]]]:
    """Ask every process once for every workload, in an order that is another in each round."""
    for workload in workloads:
        for name in order.sample(list(processes), len(processes)):
            yield workload, name, processes[name].ask("talk", workload)
