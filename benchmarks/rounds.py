"""Runs the subjects in turns, so that what disturbs the machine disturbs all of them alike."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from statistics import quantiles
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

    def add(self, answer: Mapping[str, float]) -> None:
        self.cost.append(answer["cpu"] / answer["yard"])
        self.yards.append(answer["yard"])
        self.spans.append(answer["spans"])


Results = dict[tuple[str, str], Measured]
"""By the names of workload and subject."""


def undisturbed(results: Results) -> float:
    """Return the seconds of the yardstick when nobody disturbs the machine."""
    return quantiles([yard for each in results.values() for yard in each.yards], n=10)[0]


class Process:
    """A subject's process."""

    def __init__(self, name: str, running: subprocess.Popen[str]) -> None:
        self._name = name
        self._running = running

    def ask(self, do: str, **more: str | float) -> dict[str, Any]:
        stdin, stdout = self._running.stdin, self._running.stdout
        assert stdin is not None and stdout is not None
        stdin.write(json.dumps({"do": do, **more}) + "\n")
        stdin.flush()
        line = stdout.readline()
        if not line:
            raise RuntimeError(f"{self._name} ended early; what it said is above")
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def process(program: str, *arguments: str) -> Iterator[Process]:
    """Start one of our programs, and stop it at the end by closing its stdin."""
    command = [sys.executable, "-m", f"{__package__}.{program}", *arguments]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            yield Process(" ".join([program, *arguments]), running)
        finally:
            assert running.stdin is not None
            running.stdin.close()
            try:
                running.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                running.kill()


@contextmanager
def started(subjects: Iterable[Subject], program: str = "worker") -> Iterator[dict[str, Process]]:
    """Start a process for each subject, and stop them all at the end."""
    with ExitStack() as stack:
        yield {each.name: stack.enter_context(process(program, each.name)) for each in subjects}


def measure(
    subjects: Sequence[Subject], workloads: Sequence[Workload], *, seconds: float, say: Say
) -> Results:
    """Measure each subject at each of its workloads, in whole rounds until the time is up."""
    with started(subjects) as processes:
        steps = [
            Step(w.name, s.name, processes[s.name], "talk", workload=w.name)
            for w in workloads
            for s in subjects
            if s.is_put_to(w.name)
        ]
        return repeat(steps, seconds=seconds, say=say)


class Step:
    """What a round does once: it has a process take a sample of a subject at a workload."""

    def __init__(
        self, workload: str, subject: str, process: Process, do: str, /, **more: str | float
    ) -> None:
        self.key = workload, subject
        self._process = process
        self._do, self._more = do, more

    def run(self) -> dict[str, Any]:
        return self._process.ask(self._do, **self._more)


def repeat(steps: Sequence[Step], *, seconds: float, say: Say, most: int = sys.maxsize) -> Results:
    """Run the steps in whole rounds until the time is up, or `most` rounds are done."""
    say("warming up")
    for step in steps:
        step.run()
    results: Results = defaultdict(Measured)
    order, until, done = random.Random(1), time.monotonic() + seconds, 0
    while done < min(most, _LEAST_ROUNDS) or (done < most and time.monotonic() < until):
        for step in order.sample(steps, len(steps)):
            results[step.key].add(step.run())
        done += 1
        say(f"round {done}, {max(0.0, until - time.monotonic()):.0f} s left")
    return results
