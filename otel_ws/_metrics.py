"""Metrics: tallies that are read when somebody looks, and records where a duration counts.

An instrument's `record` costs about half a span. At the level `connection` nothing is recorded
per message: counts are kept here, one set of numbers for a route, and observable counters read
them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache, partial
from typing import Any

from opentelemetry import metrics
from opentelemetry.context import Context
from opentelemetry.metrics import (
    CallbackOptions,
    MeterProvider,
    NoOpMeterProvider,
    Observation,
)
from opentelemetry.util.types import AttributeValue

from . import _instruments as instruments
from . import _semconv as names
from ._config import Config
from ._identity import Same
from ._instruments import Instrument
from ._log import report
from ._sides import SERVER, Side
from ._version import __version__

Key = tuple[tuple[str, AttributeValue], ...]


class Count:
    """A number that is added to, and read when somebody looks."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value = 0


class Instruments:
    """Our instruments of one provider for one side, and the tallies that they read."""

    def __init__(self, provider: MeterProvider, side: Side) -> None:
        self._side = side
        self._meter = provider.get_meter(side.scope_name, __version__, names.SCHEMA_URL)
        self._tallies: dict[Instrument, dict[Key, Count]] = {}
        self._made = {each: self._make(each) for each in instruments.INSTRUMENTS}

    def count(self, instrument: Instrument, key: Key) -> Count:
        """Return the count of an observable counter for these attributes: add to it."""
        tally = self._tallies[instrument]
        return tally.get(key) or tally.setdefault(key, Count())

    def record(
        self,
        instrument: Instrument,
        value: float,
        attributes: Mapping[str, AttributeValue | None],
        context: Context | None = None,
    ) -> None:
        """Record a value; `context` holds the span that an exemplar is to point at.

        An instrument that fails costs its own value, and nothing of what is told besides.
        """
        known = {name: each for name, each in attributes.items() if each is not None}
        try:
            self._made[instrument](value, known, context)
        except Exception as error:
            report(f"{instrument.name} could not be recorded", error)

    def _make(self, each: Instrument) -> Any:
        meter, about = self._meter, {"unit": each.unit, "description": each.says}
        name = each.name.replace(".server.", f".{self._side.name}.")
        if each.kind == "up-down counter":
            return meter.create_up_down_counter(name, **about).add
        if each.kind == "histogram":
            return meter.create_histogram(
                name, explicit_bucket_boundaries_advisory=each.buckets, **about
            ).record
        counts: dict[Key, Count] = {}
        self._tallies[each] = counts
        read = partial(_read, counts)
        return meter.create_observable_counter(name, callbacks=[read], **about)


def _read(counts: dict[Key, Count], _: CallbackOptions) -> Iterable[Observation]:
    found = ((key, count.value) for key, count in counts.copy().items())
    return [Observation(value, dict(key)) for key, value in found if value]


@lru_cache(maxsize=8)
def _instruments(provider: Same[MeterProvider], side: Side) -> Instruments:
    try:
        return Instruments(provider.it, side)
    except Exception as error:
        report("the instruments could not be made: nothing is measured", error)
        return Instruments(NoOpMeterProvider(), side)


def is_off(config: Config) -> bool:
    """Tell whether nobody measures: by the settings, or because there is the API alone."""
    provider = config.meter_provider or metrics.get_meter_provider()
    return config.metrics == "off" or type(provider).__module__.startswith("opentelemetry.metrics")


def instruments_of(config: Config, side: Side = SERVER) -> Instruments:
    """Return our instruments of the settings' provider, else of the global one."""
    if is_off(config):
        return _nothing(side)
    return _instruments(Same(config.meter_provider or metrics.get_meter_provider()), side)


@lru_cache(maxsize=2)
def _nothing(side: Side) -> Instruments:
    """Return what measures nothing.

    Made with the API's stand-in for a provider to come, the instruments would become real with
    that, and stand in the way of those that are made then.
    """
    return Instruments(NoOpMeterProvider(), side)
