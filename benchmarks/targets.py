"""What was to be reached, and what was: the first table of the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from .sections import Key, Table
from .spread import Spread


@dataclass(frozen=True)
class Target:
    """A bound for what one subject costs at one workload."""

    title: str
    workload: str
    subject: str
    limit: float
    floor: str = ""
    """The subject that does the same by hand."""
    is_least: bool = False
    unit: str = ""

    def is_met(self, found: Spread) -> bool:
        if self.is_least:
            return found.middle >= self.limit
        return found.middle <= self.limit

    def bound(self) -> str:
        words = "at least" if self.is_least else "at most"
        return (
            f"{words} {self.limit:,.0f} {self.unit}" if self.unit else f"{words} {self.limit:.2f}"
        )

    def cell(self, found: Spread | None) -> str:
        if found is None:
            return ""
        return f"{found.middle:,.0f} {self.unit}" if self.unit else str(found)


_STARLETTE, _CHANNELS, _WIRE = "starlette-function", "channels-asynchronous", "uvicorn"

TARGETS = (
    Target("Starlette, both spans", _STARLETTE, "ours", 0.40, "by-hand-alike"),
    Target("Starlette, receive span only", _STARLETTE, "ours-receive", 0.22, "by-hand"),
    Target("both spans, over OTLP", _STARLETTE, "ours-otlp", 0.75, "by-hand-alike-otlp"),
    Target("receive span only, over OTLP", _STARLETTE, "ours-receive-otlp", 0.42, "by-hand-otlp"),
    Target("Channels async, both spans", _CHANNELS, "ours", 0.50, "by-hand-alike"),
    Target("not sampled, inherited", _STARLETTE, "ours-unsampled", 0.10),
    Target("not sampled, asked each time", _STARLETTE, "ours-unsampled-asking", 0.40),
    Target("no SDK", _STARLETTE, "ours-no-sdk", 0.06),
    Target("fan-out over Redis to 10, a recipient", "fanout-redis-10", "ours", 0.55, "by-hand"),
    Target("fan-out over Redis to 100, a recipient", "fanout-redis-100", "ours", 0.55, "by-hand"),
    Target("an idle connection", "idle-starlette-function", "ours", 2500, unit="bytes"),
    Target(
        "throughput of untraced, receive span only",
        f"{_WIRE}-throughput",
        "ours-receive",
        0.78,
        "by-hand",
        is_least=True,
    ),
    Target(
        "throughput of untraced, both spans",
        f"{_WIRE}-throughput",
        "ours",
        0.68,
        "by-hand-alike",
        is_least=True,
    ),
    Target("p99 of a paced load, times untraced", f"{_WIRE}-p99", "ours", 1.5, "by-hand-alike"),
)


def lines(tables: Sequence[Table]) -> Iterator[str]:
    """Yield the table of those targets of which anything was measured."""
    yield "| | by hand | **otel-ws** | wanted | | untraced again |"
    yield "|---|---:|---:|---:|---|---:|"
    for target in TARGETS:
        for table in tables:
            found = table.found()
            if (target.workload, target.subject) in found:
                yield _row(target, table, found)


def _row(target: Target, table: Table, found: Mapping[Key, Spread]) -> str:
    reached = found[target.workload, target.subject]
    verdict = "void" if list(table.faults()) else "yes" if target.is_met(reached) else "**no**"
    cells = (
        target.title,
        target.cell(found.get((target.workload, target.floor))),
        target.cell(reached),
        target.bound(),
        verdict,
        str(table.control() or ""),
    )
    return f"| {' | '.join(cells)} |"
