"""The section on what an echoed message costs, driven in process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median, quantiles

from . import rounds
from .rounds import Results
from .sections import Key, Run, heading, noise
from .spread import Spread
from .subjects import BASELINE, CONTROL, Subject
from .workloads import WORKLOADS, Workload

_SECONDS, _QUICK_SECONDS = 240.0, 20.0
_SPANS_WITHIN = 0.05


def measure(run: Run) -> list[Echoed]:
    """Measure each subject at each workload."""
    subjects = run.subjects()
    workloads = [each for each in WORKLOADS if not run.workloads or each.name in run.workloads]
    seconds = run.time(_SECONDS, _QUICK_SECONDS)
    results = rounds.measure(subjects, workloads, seconds=seconds, say=run.say)
    return [Echoed(results, each, subjects) for each in workloads]


class Echoed:
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
        yield from noise(self.control())
        for each in self._subjects:
            made = self._measured[each.name].spans
            if any(abs(spans - each.spans) > _SPANS_WITHIN for spans in made):
                seen = f"{min(made):.2f} to {max(made):.2f}"
                yield f"{each.name} made {seen} spans per message, not {each.spans}"

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
        yield str(subject.spans)
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
