"""Says what was measured: medians, how far they spread, and ratios within the one run."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from statistics import median, quantiles

from .rounds import Measured, Results
from .subjects import BASELINE, CONTROL, Subject
from .workloads import Workload

_CONTROL_WITHIN = (0.9, 1.1)
_SPANS_WITHIN = 0.05
_PACKAGES = (
    "opentelemetry-sdk",
    "opentelemetry-instrumentation-asgi",
    "starlette",
    "channels",
    "Django",
)


@dataclass(frozen=True)
class Spread:
    """The middle of the samples of all rounds, and the middle half of them."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Spread:
        low, _, high = quantiles(samples, n=4, method="inclusive")
        return cls(median(samples), low, high)

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.low:.2f} to {self.high:.2f})"

    def microseconds(self, yard: float) -> str:
        middle, low, high = (1e6 * yard * each for each in (self.middle, self.low, self.high))
        return f"{middle:.1f} ({low:.1f} to {high:.1f})"


class Table:
    """What the subjects cost at one workload."""

    def __init__(self, results: Results, workload: Workload, subjects: Sequence[Subject]) -> None:
        self._workload = workload
        self._subjects = subjects
        self._measured = {each.name: results[workload.name, each.name] for each in subjects}
        yards = [yard for measured in results.values() for yard in measured.yards]
        self._yard = quantiles(yards, n=10)[0]  # as long as it takes when nobody disturbs

    def control(self) -> Spread:
        """Return how the second untraced subject compares with the first, round by round."""
        pairs = zip(self._measured[CONTROL].cost, self._measured[BASELINE].cost, strict=True)
        return Spread.of([again / first for again, first in pairs])

    def faults(self) -> Iterator[str]:
        """Yield what makes these figures worthless."""
        low, high = _CONTROL_WITHIN
        control = self.control().middle
        if not low <= control <= high:
            yield f"the control is {control:.2f} of untraced, not {low} to {high}: too much noise"
        for each in self._subjects:
            made = self._measured[each.name].spans
            if any(abs(spans - each.spans) > _SPANS_WITHIN for spans in made):
                seen = f"{min(made):.2f} to {max(made):.2f}"
                yield f"{each.name} made {seen} spans per message, not {each.spans}"

    def lines(self) -> Iterator[str]:
        has_bytes = any(each.bytes is not None for each in self._measured.values())
        heads = ["", "spans", "CPU µs", "added µs", "share of contrib"]
        heads += ["bytes added, idle"] if has_bytes else []
        yield f"### {self._workload.title}"
        yield ""
        yield from (f"**Void:** {fault}." for fault in self.faults())
        yield f"Untraced again over untraced: {self.control()}."
        yield ""
        yield f"| {' | '.join(heads)} |"
        yield f"|---|{'---:|' * (len(heads) - 1)}"
        for each in self._subjects:
            yield f"| {' | '.join(self._cells(each, has_bytes))} |"

    def _cells(self, subject: Subject, has_bytes: bool) -> Iterator[str]:
        measured = self._measured[subject.name]
        added = self._added(subject.name)
        yield subject.title
        yield str(subject.spans)
        yield f"{1e6 * self._yard * median(measured.cost):.1f}"
        yield "" if subject.name == BASELINE else Spread.of(added).microseconds(self._yard)
        yield self._share(subject, added)
        if has_bytes:
            yield self._added_bytes(measured)

    def _added(self, name: str) -> list[float]:
        """Return what each round's sample has over the untraced one of that round."""
        pairs = zip(self._measured[name].cost, self._measured[BASELINE].cost, strict=True)
        return [traced - untraced for traced, untraced in pairs]

    def _share(self, subject: Subject, added: Sequence[float]) -> str:
        if subject.peer not in self._measured:
            return ""
        pairs = zip(added, self._added(subject.peer), strict=True)
        return str(Spread.of([own / peer for own, peer in pairs]))

    def _added_bytes(self, measured: Measured) -> str:
        baseline = self._measured[BASELINE].bytes
        if measured.bytes is None or baseline is None:
            return ""
        return f"{measured.bytes - baseline:,.0f}"


def document(tables: Sequence[Table], *, rounds: int, connections: int) -> str:
    """Return the whole report, in Markdown."""
    lines = [
        "# What tracing costs",
        "",
        "Written by `python -m benchmarks`; do not edit.",
        "",
        "An application that sends back what it gets is driven in process, one subject a process,",
        "the subjects in turns. The figures are CPU time per echoed message, of all threads,",
        "with a batch processor whose exporter drops the spans.",
        "A fixed piece of work in between says how fast the machine is at the time;",
        "the figures are set off by it, to a machine that nobody disturbs.",
        "“Added” is what a sample has over the untraced one of the same round.",
        "Given are the median and the middle half of the rounds.",
        "Only the ratios carry over to other machines: they are within this one run.",
    ]
    if connections:
        lines.append(f"Bytes are those of {connections:,} connections after one message each.")
    lines += ["", f"{rounds} rounds. {_environment()}."]
    for table in tables:
        lines += ["", *table.lines()]
    return "\n".join(lines) + "\n"


def _environment() -> str:
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in _PACKAGES)
    return f"Python {platform.python_version()}, {os.cpu_count()} cores; {versions}"
