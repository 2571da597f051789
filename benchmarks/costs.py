"""A table of what the subjects cost at one workload, beside what they cost untraced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Protocol

from .rounds import Results, undisturbed
from .sections import Key, heading, noise
from .spread import Spread
from .subjects import BASELINE, CONTROL, Subject

_SPANS_WITHIN = 0.05


class Workload(Protocol):
    """What they are put to, in whatever section."""

    @property
    def name(self) -> str: ...
    @property
    def title(self) -> str: ...


def uncounted(subject: Subject, made: Sequence[float]) -> Iterator[str]:
    """Yield what is wrong with the spans that a subject has made of a message."""
    if any(abs(spans - subject.spans) > _SPANS_WITHIN for spans in made):
        seen = f"{min(made):.2f} to {max(made):.2f}"
        yield f"{subject.name} made {seen} spans per message, not {subject.spans:.4g}"


class Costs:
    """What the subjects cost at one workload."""

    def __init__(self, results: Results, workload: Workload, subjects: Sequence[Subject]) -> None:
        self._workload = workload
        self._subjects = subjects
        self._measured = {each.name: results[workload.name, each.name] for each in subjects}
        self._yard = undisturbed(results)

    def control(self) -> Spread:
        """Return how the second untraced subject compares with the first, round by round."""
        pairs = zip(self._measured[CONTROL].cost, self._measured[BASELINE].cost, strict=True)
        return Spread.of([again / first for again, first in pairs])

    def faults(self) -> Iterator[str]:
        yield from noise(self.control())
        for each in self._subjects:
            yield from uncounted(each, self._measured[each.name].spans)

    def found(self) -> dict[Key, Spread]:
        shares = {each.name: self._share(each) for each in self._subjects}
        return {(self._workload.name, name): s for name, s in shares.items() if s is not None}

    def lines(self) -> Iterator[str]:
        yield from heading(self._workload.title, self.faults(), self.control())
        yield "| | spans | CPU µs | added µs | share of contrib |"
        yield "|---|---:|---:|---:|---:|"
        for each in self._subjects:
            yield f"| {' | '.join(self._cells(each))} |"

    def _cells(self, subject: Subject) -> Iterator[str]:
        added = Spread.of(self._added(subject.name))
        yield subject.title
        yield f"{subject.spans:.4g}"
        yield f"{1e6 * self._yard * median(self._measured[subject.name].cost):.1f}"
        yield "" if subject.name == BASELINE else added.microseconds(self._yard)
        yield str(self._share(subject) or "")

    def _added(self, name: str) -> list[float]:
        """Return what each round's sample has over the untraced one of that round."""
        pairs = zip(self._measured[name].cost, self._measured[BASELINE].cost, strict=True)
        return [traced - untraced for traced, untraced in pairs]

    def _share(self, subject: Subject) -> Spread | None:
        if subject.peer not in self._measured:
            return None
        pairs = zip(self._added(subject.name), self._added(subject.peer), strict=True)
        return Spread.of([own / peer for own, peer in pairs])
