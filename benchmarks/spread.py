"""The middle of what was measured, and how far it spreads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Spread:
    """The middle of the samples of all rounds, and the middle half of them."""

    middle: float
    low: float
    high: float

    @classmethod
    def of(cls, samples: Sequence[float]) -> Spread:
        """Return the spread of at least two samples."""
        low, _, high = quantiles(samples, n=4, method="inclusive")
        return cls(median(samples), low, high)

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.low:.2f} to {self.high:.2f})"

    def microseconds(self, yard: float) -> str:
        middle, low, high = (1e6 * yard * each for each in (self.middle, self.low, self.high))
        return f"{middle:.1f} ({low:.1f} to {high:.1f})"
