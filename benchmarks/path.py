"""The section on where the microseconds of a message go."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from statistics import median

from .sections import Key, Run, heading
from .spread import Spread

_TIMES, _QUICK_TIMES = 9, 1

# A title, and the parts that it is the sum of; what a part is less is taken off.
_SPAN_ENDS = (
    ("the end: the processors get it", ("processors",), ()),
    ("the end: the rest", ("end",), ("processors",)),
)
_RECEIVE = (
    ("it is counted", ("count",), ()),
    ("its span is named and described", ("describe",), ()),
    ("the start: ids, the sampler's answer, the span", ("start",), ()),
    ("the span is made current, and taken away again", ("turn",), ()),
    *_SPAN_ENDS,
)
_SEND = (
    ("it is counted, before and after", ("count sent",), ()),
    ("what it grows from is found", ("parent",), ()),
    ("its span is named and described", ("describe",), ()),
    ("the start: ids, the sampler's answer, the span", ("start",), ()),
    *_SPAN_ENDS,
)
_WHOLES = (
    ("receive", "**A message is received and handled**", _RECEIVE),
    ("send", "**A message is sent**", _SEND),
)


def measure(run: Run) -> list[Path]:
    """Time the parts in fresh interpreters, one after the other."""
    if run.names or run.workloads:
        return []
    times = _QUICK_TIMES if run.is_quick else _TIMES
    return [Path([_timed(run, number) for number in range(times)])]


def _timed(run: Run, number: int) -> dict[str, float]:
    run.say(f"parts of the path, {number + 1}")
    command = [sys.executable, "-m", f"{__package__}.parts"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    taken: dict[str, float] = json.loads(done.stdout)
    return taken


class Path:
    """The parts of a message's path, each timed alone."""

    def __init__(self, taken: list[dict[str, float]]) -> None:
        self._taken = {name: median(each[name] for each in taken) for name in taken[0]}

    def control(self) -> None:
        return None

    def faults(self) -> Iterator[str]:
        yield from ()

    def found(self) -> Mapping[Key, Spread]:
        return {}

    def lines(self) -> Iterator[str]:
        yield from heading("Where the time goes", (), None)
        yield "Each part alone, in a loop, at its best: on a Starlette function endpoint, sampled."
        yield "The rest is the two coroutines, the shields, the clock, and what decides."
        yield ""
        yield "| | µs |"
        yield "|---|---:|"
        for name, title, parts in _WHOLES:
            whole, sum_of_parts = self._taken[name], 0.0
            yield f"| {title} | **{whole:.2f}** |"
            for part, more, less in parts:
                value = sum(self._taken[each] for each in more)
                value -= sum(self._taken[each] for each in less)
                sum_of_parts += value
                yield f"| {part} | {value:.2f} |"
            yield f"| the rest | {whole - sum_of_parts:.2f} |"
