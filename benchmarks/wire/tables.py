"""What the subjects leave of a server, in tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import ClassVar

from ..sections import Key, heading, noise
from ..spread import Spread
from ..subjects import BASELINE, CONTROL, Subject
from . import CONNECTIONS, RATE

Sample = Mapping[str, float]
Samples = Mapping[str, Sequence[Sample]]
"""By the name of the subject, one for each round."""


class Wire:
    """One figure of each sample, set against the untraced one of the same round."""

    workload: ClassVar[str]
    figure: ClassVar[str]
    """Its name in a sample."""

    def __init__(self, samples: Samples, subjects: Sequence[Subject]) -> None:
        self.samples = samples
        self.subjects = subjects

    def control(self) -> Spread:
        """Return how the second untraced subject compares with the first, round by round."""
        return self.ratio(CONTROL)

    def faults(self) -> Iterator[str]:
        yield from noise(self.control())
        for each in self.subjects:
            made = [sample["spans"] for sample in self.samples[each.name]]
            if any(spans != each.spans for spans in made):
                seen = f"{min(made):.3f} to {max(made):.3f}"
                yield f"{each.name} made {seen} spans per message, not {each.spans}"

    def found(self) -> dict[Key, Spread]:
        return {(self.workload, each.name): self.ratio(each.name) for each in self.subjects}

    def ratio(self, name: str) -> Spread:
        pairs = zip(self.samples[name], self.samples[BASELINE], strict=True)
        return Spread.of([own[self.figure] / untraced[self.figure] for own, untraced in pairs])

    def middle(self, name: str, key: str) -> float:
        return median(sample[key] for sample in self.samples[name])


class Throughput(Wire):
    """How many messages a server answers that has nothing else to do."""

    workload = "uvicorn-throughput"
    figure = "rate"

    def lines(self) -> Iterator[str]:
        yield from heading("uvicorn, as fast as it can", self.faults(), self.control())
        yield f"{CONNECTIONS} connections; each sends its next message when the last is answered."
        yield f"The untraced server was busy for {self._busy():.0%} of the time."
        yield ""
        yield "| | spans | messages/s | share of untraced |"
        yield "|---|---:|---:|---:|"
        for each in self.subjects:
            rate = self.middle(each.name, "rate")
            share = "" if each.name == BASELINE else self.ratio(each.name)
            yield f"| {each.title} | {each.spans} | {rate:,.0f} | {share} |"

    def _busy(self) -> float:
        return median(sample["cpu"] * sample["rate"] for sample in self.samples[BASELINE])


class Paced(Wire):
    """How long a server takes for an answer that has time for it."""

    workload = "uvicorn-p99"
    figure = "p99"

    def lines(self) -> Iterator[str]:
        title = f"uvicorn, {RATE:,} messages per second"
        yield from heading(title, self.faults(), self.control())
        yield f"{CONNECTIONS} connections in turns; times count from when a message was due,"
        yield f"which the load generator kept to within {self._late():.0f} µs (p99)."
        yield "CPU is what the server's process took, here without the yardstick."
        yield ""
        yield "| | p50 µs | p99 µs | p99, times untraced | CPU ms added to 1,000 messages |"
        yield "|---|---:|---:|---:|---:|"
        for each in self.subjects:
            yield f"| {' | '.join(self._cells(each))} |"

    def _cells(self, subject: Subject) -> Iterator[str]:
        is_baseline = subject.name == BASELINE
        yield subject.title
        yield f"{1e6 * self.middle(subject.name, 'p50'):.0f}"
        yield f"{1e6 * self.middle(subject.name, 'p99'):.0f}"
        yield "" if is_baseline else str(self.ratio(subject.name))
        yield "" if is_baseline else self._added(subject.name).microseconds(1.0)

    def _added(self, name: str) -> Spread:
        """Return the CPU seconds of a message: in µs, they are the ms of a thousand."""
        pairs = zip(self.samples[name], self.samples[BASELINE], strict=True)
        return Spread.of([own["cpu"] - untraced["cpu"] for own, untraced in pairs])

    def _late(self) -> float:
        return 1e6 * self.middle(BASELINE, "late")
