"""What is counted and measured of the events of one messaging system."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import partial

from opentelemetry.context import Context
from opentelemetry.trace import Span, set_span_in_context
from opentelemetry.util.types import AttributeValue

from . import _instruments as instruments
from . import _semconv as names
from ._config import Config
from ._instruments import Instrument
from ._metrics import Count, instruments_of, is_off
from ._turn import Turn
from .envelope import Envelope

Found = Mapping[str, AttributeValue | None]


class EventMeasures:
    """Counts and measures events by the settings' level; `system` is their messaging system."""

    def __init__(self, system: str, config: Config) -> None:
        self._system = system
        self._is_off = is_off(config)
        self._is_fine = config.metrics == "message" and not self._is_off
        self._instruments = instruments_of(config)
        self._processing: Found = {names.MESSAGING_OPERATION_NAME: names.OPERATION_PROCESS}
        self._consumed = self._cell(instruments.EVENTS_CONSUMED, self._processing)

    def sent(
        self, operation: str, template: str | None, since: float, span: Span, error: str | None
    ) -> None:
        """An event was accepted by the layer, or refused; sending began at `since` (monotonic)."""
        found = {
            names.MESSAGING_OPERATION_NAME: operation,
            names.MESSAGING_DESTINATION_TEMPLATE: template,
            names.ERROR_TYPE: error,
        }
        self._count(instruments.EVENTS_SENT, found)
        if self._is_fine:
            seconds = time.monotonic() - since
            self._record(instruments.OPERATION_DURATION, seconds, span, found)

    def consumed(self, envelope: Envelope | None, turn: Turn | None) -> None:
        """An event is handed to its handler, in `turn` if that is traced."""
        if not self._is_off:
            self._consumed.value += 1
        if not self._is_fine or turn is None:
            return
        found = self._processing
        if envelope is not None and envelope.sent:
            under_way = max(0.0, time.time() - envelope.sent)
            self._record(instruments.DELIVERY_DURATION, under_way, turn.span, found)
        turn.measure = partial(self._processed, time.monotonic(), found)

    def dropped(self, operation: str, count: int = 1) -> None:
        """Events were lost that the layer knows of."""
        self._count(instruments.EVENTS_DROPPED, {names.MESSAGING_OPERATION_NAME: operation}, count)

    def _processed(
        self,
        since: float,
        found: Found,
        span: Span,
        error: str | None,
    ) -> None:
        seconds = time.monotonic() - since
        found = {**found, names.ERROR_TYPE: error}
        self._record(instruments.EVENT_PROCESS_DURATION, seconds, span, found)

    def _count(self, instrument: Instrument, found: Found, count: int = 1) -> None:
        if not self._is_off:
            self._cell(instrument, found).value += count

    def _cell(self, instrument: Instrument, found: Found) -> Count:
        known = {names.MESSAGING_SYSTEM: self._system, **found}
        key = tuple((name, value) for name, value in known.items() if value is not None)
        return self._instruments.count(instrument, key)

    def _record(
        self,
        instrument: Instrument,
        value: float,
        span: Span,
        found: Found,
    ) -> None:
        context = set_span_in_context(span, Context())
        attributes = {names.MESSAGING_SYSTEM: self._system, **found}
        self._instruments.record(instrument, value, attributes, context)
