"""The section on what a program takes longer to start: each sample is a fresh interpreter."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from resource import RUSAGE_CHILDREN, getrusage
from statistics import median

from .sections import Key, Run, heading, noise
from .spread import Spread

_SECONDS, _QUICK_SECONDS = 200.0, 10.0
_LEAST_ROUNDS, _QUICK_LEAST_ROUNDS = 15, 2

# What would change how a program starts; a compiled module is used again, as where it is installed.
_TAKEN_OUT = ("OTEL_", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
_APPLICATIONS = Path(__file__).resolve().parent.parent / "tests" / "zero_code" / "unchanged"
_API = "import opentelemetry.metrics, opentelemetry.propagate, opentelemetry.trace"
_STARLETTE = "import starlette.applications, starlette.routing, starlette.websockets"
_CHANNELS = "import channels.generic.websocket, channels.layers, channels.routing"


@dataclass(frozen=True)
class Case:
    """Something that is started without us, once more, and with us."""

    title: str
    without: str
    """The program."""
    more: str
    """What it does besides with us; under `opentelemetry-instrument`, at its first connection."""
    is_instrumented: bool = False
    """Start it as `opentelemetry-instrument` does."""

    def ways(self) -> tuple[str, ...]:
        """Return how it is started, by the names of `Taken`."""
        ways = ("without", "again", "with_us")
        return (*ways, "alone", "connected") if self.is_instrumented else ways

    def program(self, way: str) -> str:
        does_more = way == ("connected" if self.is_instrumented else "with_us")
        return f"{self.without}; {self.more}" if does_more else self.without

    def variables(self, way: str) -> dict[str, str]:
        if not self.is_instrumented or way == "alone":
            return {}
        instrumentation = find_spec("opentelemetry.instrumentation.auto_instrumentation")
        assert instrumentation is not None and instrumentation.origin is not None
        return {
            "PYTHONPATH": str(Path(instrumentation.origin).parent),
            "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(_others(way)),
            **{f"OTEL_{each}_EXPORTER": "none" for each in ("TRACES", "METRICS", "LOGS")},
        }


def _others(way: str) -> list[str]:
    """Return the instrumentors that are not to be loaded."""
    names = [each.name for each in entry_points(group="opentelemetry_instrumentor")]
    is_with_us = way in ("with_us", "connected")
    return [name for name in names if not (is_with_us and name.startswith("otel_ws"))]


_IMPORTED = (
    Case("`import otel_ws`, over OpenTelemetry's API", _API, "import otel_ws"),
    Case(
        "the middleware for Starlette, over that and Starlette",
        f"{_API}; {_STARLETTE}",
        "from otel_ws_starlette import TracingMiddleware",
    ),
    Case(
        "middleware, consumers and layers for Channels, over that and Channels",
        f"{_API}; {_CHANNELS}",
        "from otel_ws_channels import TracedConsumer, TracingMiddleware, layers",
    ),
)
_INSTRUMENTED = (
    Case(
        "Channels",
        "import mysite.asgi",
        "import otel_ws_channels._dispatch, otel_ws_channels.layers",
        True,
    ),
    Case("FastAPI", "import fastapi_app", "import otel_ws_starlette.middleware", True),
)


@dataclass
class Taken:
    """The milliseconds of a case, one of each a round."""

    without: list[float] = field(default_factory=list)
    again: list[float] = field(default_factory=list)
    with_us: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    """Without `opentelemetry-instrument` either."""
    connected: list[float] = field(default_factory=list)
    """With us, and with what the first connection imports."""

    def cells(self) -> Iterator[str]:
        pairs = zip(self.with_us, self.without, strict=True)
        added = Spread.of([traced - untraced for traced, untraced in pairs])
        for each in (self.alone, self.without, self.with_us, self.connected):
            yield f"{median(each):.0f}" if each else ""
        yield f"{added.middle:+.0f} ({added.low:+.0f} to {added.high:+.0f})"
        yield str(_ratio(self.with_us, self.without))

    def control(self) -> Spread:
        return _ratio(self.again, self.without)


def _ratio(these: Sequence[float], those: Sequence[float]) -> Spread:
    return Spread.of([this / that for this, that in zip(these, those, strict=True)])


def measure(run: Run) -> list[Startup]:
    """Start all of them in turns, until the time is up."""
    cases = (*_IMPORTED, *_INSTRUMENTED)
    _round(cases, random.Random(0))  # what they import is compiled by now
    until, order = time.monotonic() + run.time(_SECONDS, _QUICK_SECONDS), random.Random(1)
    taken = {case: Taken() for case in cases}
    done = 0
    while (
        done < (_QUICK_LEAST_ROUNDS if run.is_quick else _LEAST_ROUNDS) or time.monotonic() < until
    ):
        for (case, column), milliseconds in _round(cases, order).items():
            getattr(taken[case], column).append(milliseconds)
        done += 1
        run.say(f"starts: round {done}")
    return [
        Startup("Imports", {case: taken[case] for case in _IMPORTED}),
        Startup("Starts by `opentelemetry-instrument`", {c: taken[c] for c in _INSTRUMENTED}),
    ]


def _round(cases: Sequence[Case], order: random.Random) -> dict[tuple[Case, str], float]:
    """Start each case in each way once, in an order that is another every time."""
    steps = [(case, way) for case in cases for way in case.ways()]
    return {
        (case, way): _milliseconds(case.program(way), case.variables(way))
        for case, way in order.sample(steps, len(steps))
    }


def _milliseconds(program: str, variables: Mapping[str, str]) -> float:
    """Return the processor's time of a whole interpreter."""
    # What is to be compared elsewhere may be installed: of that, Logfire plugs into pydantic.
    variables = {"PYDANTIC_DISABLE_PLUGINS": "1", **variables}
    kept = {k: v for k, v in os.environ.items() if not k.startswith(_TAKEN_OUT)}
    before = getrusage(RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=_APPLICATIONS,
        env={**kept, **variables},
        check=True,
    )
    after = getrusage(RUSAGE_CHILDREN)
    return 1e3 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


class Startup:
    """The table of some cases."""

    def __init__(self, title: str, taken: Mapping[Case, Taken]) -> None:
        self._title = title
        self._taken = taken

    def control(self) -> Spread:
        pairs = [
            again / without
            for taken in self._taken.values()
            for again, without in zip(taken.again, taken.without, strict=True)
        ]
        return Spread.of(pairs)

    def faults(self) -> Iterator[str]:
        for case, taken in self._taken.items():
            yield from (f"{case.title}: {fault}" for fault in noise(taken.control()))

    def found(self) -> dict[Key, Spread]:
        return {}

    def lines(self) -> Iterator[str]:
        title = f"{self._title}, ms of processor time of a whole interpreter"
        yield from heading(title, self.faults(), self.control())
        yield "| | alone | without otel-ws | with it | first connection | added by it | times |"
        yield "|---|---:|---:|---:|---:|---:|---:|"
        for case, taken in self._taken.items():
            yield f"| {case.title} | {' | '.join(taken.cells())} |"
