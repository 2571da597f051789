"""The section on growth: what a message costs among many connections, and after many messages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import log10
from statistics import fmean

from .grown import Grown, Left, Stage
from .rounds import Process, Results, Step, repeat, started
from .sections import Run, Table
from .subjects import BASELINE, CONTROL, SUBJECTS, Subject

_WORKLOAD = "starlette-function"
_AMONG = (BASELINE, CONTROL, "contrib-asgi", "ours", "ours-unsampled")
_AFTER = (BASELINE, CONTROL, "ours", "ours-unsampled")
_WEIGHED = (BASELINE, CONTROL, "contrib-asgi", "ours")

_SECONDS, _QUICK_SECONDS = 60.0, 4.0
_CONNECTIONS, _QUICK_CONNECTIONS = (1, 10, 100, 1000, 10_000), (1, 10, 100)
_MESSAGES = 400

_MARKS, _QUICK_MARKS = (1000, 10_000, 100_000, 1_000_000), (1000, 10_000)
_LAST_MARK = 10_000_000
_BLOCK, _BLOCKS, _AT_ONCE = 240, 15, 20  # few, so that a stage ends before the next

_PILED_UP, _QUICK_PILED_UP = 100_000, 2000


def measure(run: Run) -> list[Table]:
    """Measure how the cost grows, and what is left; at one workload, which stands for all."""
    if run.workloads and _WORKLOAD not in run.workloads:
        return []
    among, after, weighed = (
        run.subjects(each for each in SUBJECTS if each.name in names)
        for names in (_AMONG, _AFTER, _WEIGHED)
    )
    with started(among) as processes:
        tables: list[Table] = [_among(run, among, processes)]
    with started(after) as processes:
        tables.append(_after(run, after, processes))
    return [*tables, _left(run, weighed)]


def _among(run: Run, subjects: Sequence[Subject], processes: Mapping[str, Process]) -> Grown:
    """Measure against the number of open connections, on which the messages take turns."""
    sizes = _QUICK_CONNECTIONS if run.is_quick else _CONNECTIONS
    seconds = run.time(_SECONDS, _QUICK_SECONDS) / len(sizes)
    results: Results = {}
    for size in sizes:
        for process in processes.values():
            process.ask("assemble", workload=_WORKLOAD, connections=size)
        steps = _steps(processes, str(size), _MESSAGES, 1)
        results |= repeat(steps, seconds=seconds, say=run.say)
        for process in processes.values():
            process.ask("dismiss")
    stages = [Stage(str(size), f"{size:,}", log10(size)) for size in sizes]
    return Grown("Open connections", results, subjects, stages)


def _after(run: Run, subjects: Sequence[Subject], processes: Mapping[str, Process]) -> Grown:
    """Measure against the number of messages that one connection has had before."""
    marks = _QUICK_MARKS if run.is_quick else _MARKS
    if run.is_long:
        marks = (*marks, _LAST_MARK)
    for process in processes.values():
        process.ask("assemble", workload=_WORKLOAD, connections=1)
    results: Results = {}
    stages, done = [], 0
    for mark in marks:
        for name, process in processes.items():
            run.say(f"{mark:,} messages: {name}")
            process.ask("advance", messages=mark - done)
        steps = _steps(processes, str(mark), _BLOCK, _AT_ONCE)
        results |= repeat(steps, seconds=_SECONDS, say=run.say, most=_BLOCKS)
        done = mark + (1 + _BLOCKS) * _BLOCK
        stages.append(Stage(str(mark), f"{mark:,}", log10(fmean([mark, done]))))
    for process in processes.values():
        process.ask("dismiss")
    return Grown("Messages so far on one connection", results, subjects, stages)


def _steps(processes: Mapping[str, Process], stage: str, messages: int, at_once: int) -> list[Step]:
    return [
        Step(stage, name, process, "exchange", messages=messages, at_once=at_once)
        for name, process in processes.items()
    ]


def _left(run: Run, subjects: Sequence[Subject]) -> Left:
    """Weigh what many messages leave on one connection."""
    messages = _QUICK_PILED_UP if run.is_quick else _PILED_UP
    left: dict[str, float] = {}
    for subject in subjects:
        run.say(f"bytes left: {subject.name}")
        with started([subject]) as processes:
            process = processes[subject.name]
            process.ask("assemble", workload=_WORKLOAD, connections=1)
            process.ask("pile_up", messages=_QUICK_PILED_UP)
            left[subject.name] = process.ask("pile_up", messages=messages)["bytes"]
            process.ask("dismiss")
    return Left(left, subjects, messages)
