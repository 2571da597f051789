"""What a part of the benchmark is told, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from .spread import Spread
from .subjects import BASELINE, CONTROL, SUBJECTS, Subject


@dataclass(frozen=True)
class Run:
    """What the command was asked for."""

    is_quick: bool
    """To see that it works, in a few seconds a section; the figures are worth nothing."""
    is_long: bool
    """To follow a connection over ten million messages."""
    seconds: float | None
    """How long a section may repeat its rounds; None for its own choice."""
    names: Sequence[str]
    """The subjects that are wanted beside the untraced ones; empty for all."""
    workloads: Sequence[str]
    """The workloads that are wanted; empty for all."""
    say: Callable[[str], None]
    """Tells the user how far it is."""

    def time(self, whole: float, quick: float) -> float:
        """Return for how many seconds to repeat the rounds."""
        return self.seconds or (quick if self.is_quick else whole)

    def subjects(self, offered: Iterable[Subject] = SUBJECTS) -> list[Subject]:
        """Return those offered that are wanted and installed, in their order."""
        wanted = (BASELINE, CONTROL, *self.names)
        return [
            each
            for each in offered
            if (not self.names or each.name in wanted) and each.is_installed()
        ]


Key = tuple[str, str]
"""A workload and a subject, by their names."""


class Table(Protocol):
    """A table of the report, measured within one run."""

    def control(self) -> Spread | None:
        """Return the second untraced subject as a share of the first, if there is one."""

    def faults(self) -> Iterable[str]:
        """Yield what makes the figures worthless."""

    def lines(self) -> Iterator[str]:
        """Yield the table in Markdown: its heading, its faults, its control, and its rows."""

    def found(self) -> Mapping[Key, Spread]:
        """Return what `targets.TARGETS` may ask for."""


Section = Callable[[Run], Sequence[Table]]
"""Measures, and returns its tables."""

_CONTROL_WITHIN = (0.9, 1.1)


def noise(control: Spread) -> Iterator[str]:
    """Yield what is wrong with a control."""
    low, high = _CONTROL_WITHIN
    if not low <= control.middle <= high:
        yield (
            f"untraced again is {control.middle:.2f} of untraced, not {low} to {high}: "
            "too much noise"
        )


def heading(title: str, faults: Iterable[str], control: Spread | None) -> Iterator[str]:
    """Yield what stands above the rows of a table."""
    yield f"### {title}"
    yield ""
    yield from (f"**Void:** {fault}." for fault in faults)
    if control is not None:
        yield f"Untraced again over untraced: {control}."
        yield ""
