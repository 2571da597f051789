"""The tables on growth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, linear_regression, median

from .costs import uncounted
from .rounds import Results, undisturbed
from .sections import Key, heading, noise
from .spread import Spread
from .subjects import BASELINE, CONTROL, Subject


@dataclass(frozen=True)
class Stage:
    """A column."""

    name: str
    title: str
    decades: float
    """The logarithm of what grows."""


class Grown:
    """What a message costs at each stage, and by how many percent more from decade to decade."""

    def __init__(
        self, title: str, results: Results, subjects: Sequence[Subject], stages: Sequence[Stage]
    ) -> None:
        self._title = title
        self._results = results
        self._subjects = subjects
        self._stages = stages
        self._yard = undisturbed(results)

    def control(self) -> Spread:
        """Return how the second untraced subject compares with the first, at all stages."""
        return Spread.of([each for stage in self._stages for each in self._again(stage)])

    def faults(self) -> Iterator[str]:
        for stage in self._stages:
            for fault in noise(Spread.of(self._again(stage))):
                yield f"{stage.title}: {fault}"
            for each in self._subjects:
                yield from uncounted(each, self._results[stage.name, each.name].spans)

    def found(self) -> dict[Key, Spread]:
        return {}

    def lines(self) -> Iterator[str]:
        yield from heading(f"{self._title}, µs a message", self.faults(), self.control())
        yield f"| | {' | '.join(each.title for each in self._stages)} | % a decade |"
        yield f"|---|{'---:|' * (len(self._stages) + 1)}"
        for each in self._subjects:
            yield self._row(each.title, [self._cost(stage, each) for stage in self._stages])
        for each in self._subjects:
            if each.name not in (BASELINE, CONTROL):
                added = [self._added(stage, each) for stage in self._stages]
                yield self._row(f"added: {each.title}", added)

    def _row(self, title: str, costs: list[list[float]]) -> str:
        cells = (f"{1e6 * self._yard * median(each):.1f}" for each in costs)
        return f"| {title} | {' | '.join(cells)} | {self._slope(costs)} |"

    def _slope(self, costs: list[list[float]]) -> str:
        """Return the slopes of the rounds: their middle, and their middle half."""
        decades, whole = [stage.decades for stage in self._stages], fmean(map(median, costs))
        slopes = [linear_regression(decades, each).slope for each in zip(*costs, strict=False)]
        spread = Spread.of([100 * each / whole for each in slopes])
        return f"{spread.middle:+.1f} ({spread.low:+.1f} to {spread.high:+.1f})"

    def _cost(self, stage: Stage, subject: Subject) -> list[float]:
        return self._results[stage.name, subject.name].cost

    def _added(self, stage: Stage, subject: Subject) -> list[float]:
        pairs = zip(
            self._cost(stage, subject), self._results[stage.name, BASELINE].cost, strict=True
        )
        return [traced - untraced for traced, untraced in pairs]

    def _again(self, stage: Stage) -> list[float]:
        pairs = zip(
            self._results[stage.name, CONTROL].cost,
            self._results[stage.name, BASELINE].cost,
            strict=True,
        )
        return [again / first for again, first in pairs]


class Left:
    """The bytes that many messages leave on one connection, over those that they leave untraced."""

    _CONTROL_WITHIN = 2000.0

    def __init__(
        self, left: Mapping[str, float], subjects: Sequence[Subject], messages: int
    ) -> None:
        self._added = {name: each - left[BASELINE] for name, each in left.items()}
        self._subjects = subjects
        self._messages = messages

    def control(self) -> None:
        return None

    def faults(self) -> Iterator[str]:
        if abs(self._added[CONTROL]) > self._CONTROL_WITHIN:
            yield f"untraced again leaves {self._added[CONTROL]:+,.0f} bytes"

    def found(self) -> dict[Key, Spread]:
        return {}

    def lines(self) -> Iterator[str]:
        title = f"Bytes that {self._messages:,} messages leave on one connection"
        yield from heading(title, self.faults(), None)
        yield "| | over untraced |"
        yield "|---|---:|"
        for each in self._subjects:
            yield f"| {each.title} | {self._added[each.name]:+,.0f} |"
