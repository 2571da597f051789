"""What is counted and measured of one connection, whether it is traced or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Span, set_span_in_context
from opentelemetry.util.types import AttributeValue

from . import _instruments as instruments
from . import _semconv as names
from ._chunks import StreamMeasures
from ._close import Closure
from ._config import Config
from ._instruments import Instrument
from ._metrics import instruments_of, is_off
from ._sides import SERVER, Side
from ._tallies import Found, known, place_at, place_of
from ._types import Message, Scope

_NANO = 1e9


def measure(message: Mapping[str, Any]) -> tuple[str, int]:
    """Return the type and the size in bytes of a message.

    Servers send one of the two keys, or both with one of them None.
    """
    text = message.get("text")
    if text is None:
        return "binary", len(message.get("bytes") or b"")
    return "text", len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


class Measures:
    """The counts of a connection, and its metrics by the settings' level."""

    __slots__ = (
        *("received_count", "received_size", "sent_count", "sent_size", "is_fine", "is_off"),
        *("arrived_at",),
        *("_at", "_clock", "_handling", "_instruments", "_scheme", "_since"),
    )

    def __init__(
        self, scope: Scope, config: Config, clock: Callable[[], int], side: Side = SERVER
    ) -> None:
        self.received_count = self.received_size = self.sent_count = self.sent_size = 0
        self.arrived_at = 0
        """When the latest message arrived, where no turn remembers it."""
        self.is_off = is_off(config)
        self.is_fine = config.metrics == "message" and not self.is_off
        """Each message is measured, not only counted."""
        self._clock = clock
        self._since = clock()
        self._instruments = instruments_of(config, side)
        # One of two: behind a proxy this may be what a header says.
        self._scheme = "wss" if scope.get("scheme") in ("wss", "https") else "ws"
        self._at = known(self._instruments, place_of(scope, side))
        self._handling: str | None = None

    def answered(
        self, route: str | None, status: int | None, error: str | None, span: Span
    ) -> None:
        """The handshake is over; from here on the route is known if it ever is."""
        if route is not None:
            self._at = known(self._instruments, place_at(route))
        self._record(
            instruments.HANDSHAKE_DURATION,
            self._seconds(self._since),
            span,
            {names.HTTP_RESPONSE_STATUS_CODE: status, names.ERROR_TYPE: error},
        )

    def opened(self) -> None:
        self._since = self._clock()
        self._record(instruments.ACTIVE, 1)

    def received(self, message: Message) -> tuple[str, int]:
        """Count an inbound message; return its type and size."""
        kind, size = measure(message)
        self.received_count += 1
        self.received_size += size
        if not self.is_off:
            self._at.received[kind].value += 1
        return kind, size

    def handling(self, message: Message) -> None:
        """Count an inbound message that is handled until the application asks for the next."""
        kind, size = self.received(message)
        self.arrived_at = self._clock()
        if self.is_fine:
            self._handling = kind
            self.record_size(size, kind, "received", None)

    def handled(self, error: str | None = None) -> None:
        """The application is done with the message before, or has failed in it."""
        kind, self._handling = self._handling, None
        if kind is not None:
            self.took(instruments.PROCESS_DURATION, self.arrived_at, kind, None, error)

    def dispatched(self, message: Mapping[str, Any]) -> None:
        """An inbound message that `handling` has counted gets to its handler only now."""
        if self.is_fine and message["type"] == "websocket.receive":
            kind, _ = measure(message)
            self.took(instruments.DISPATCH_WAIT, self.arrived_at, kind, None, None)

    def sending(self, message: Message) -> tuple[str, int]:
        """Count an outbound message; return its type and size."""
        kind, size = measure(message)
        self.sent_count += 1
        self.sent_size += size
        return kind, size

    def sent(self, message: Message, span: Span | None = None) -> None:
        """An outbound message has been taken by the server."""
        if self.is_off:
            return
        kind = "binary" if message.get("text") is None else "text"
        self._at.sent[kind].value += 1
        if self.is_fine:
            self.record_size(measure(message)[1], kind, "sent", span)

    def unsent(self, message: Message) -> None:
        """An outbound message was refused by the server."""
        _, size = measure(message)
        self.sent_count -= 1
        self.sent_size -= size

    def streamed(
        self, measures: StreamMeasures, name: str | None, reason: str | None, span: Span
    ) -> None:
        """A stream has ended; one without chunks has no times."""
        values = {
            instruments.STREAM_FIRST: measures.time_to_first_chunk,
            instruments.STREAM_LAST: measures.time_to_last_chunk,
            instruments.STREAM_AVERAGE_INTERVAL: measures.average_chunk_interval,
            instruments.STREAM_CHUNK_COUNT: measures.chunk_count,
        }
        found = {names.STREAM_NAME: name, names.STREAM_END_REASON: reason}
        for instrument, value in values.items():
            if value is not None and not self.is_off:
                self._keep(instrument, value, span, found)

    def chunked(self, seconds: float, name: str | None, span: Span) -> None:
        """A chunk came `seconds` after the one before it."""
        self._keep(instruments.STREAM_INTERVAL, seconds, span, {names.STREAM_NAME: name})

    def totals(self) -> dict[str, AttributeValue]:
        """Return what there was since the connection was accepted."""
        return {
            names.RECEIVED_COUNT: self.received_count,
            names.RECEIVED_SIZE: self.received_size,
            names.SENT_COUNT: self.sent_count,
            names.SENT_SIZE: self.sent_size,
            names.CONNECTION_DURATION: self._seconds(self._since),
        }

    def closed(self, closure: Closure, error: str | None, span: Span | None) -> None:
        self._record(instruments.ACTIVE, -1)
        self._record(
            instruments.CONNECTION_DURATION,
            self._seconds(self._since),
            span,
            {names.CLOSE_STATUS: closure.status, names.ERROR_TYPE: error},
        )

    def took(
        self, instrument: Instrument, since: int, kind: str, span: Span | None, error: str | None
    ) -> None:
        """Record how long something about a message took, which began at `since`."""
        self.record(instrument, self._seconds(since), kind, span=span, error=error)

    def record_size(self, size: int, kind: str, direction: str, span: Span | None) -> None:
        """Record the size of a message."""
        self.record(instruments.MESSAGE_SIZE, size, kind, direction=direction, span=span)

    def record(
        self,
        instrument: Instrument,
        value: float,
        kind: str,
        *,
        direction: str | None = None,
        span: Span | None = None,
        error: str | None = None,
    ) -> None:
        """Record what was measured of a message."""
        found = {
            names.MESSAGE_TYPE: kind,
            names.MESSAGE_DIRECTION: direction,
            names.ERROR_TYPE: error,
        }
        self._keep(instrument, value, span, found)

    def _seconds(self, since: int) -> float:
        """Return the seconds from `since`; none if the clock was set back."""
        return max(0, self._clock() - since) / _NANO

    def _record(
        self,
        instrument: Instrument,
        value: float,
        span: Span | None = None,
        found: Found | None = None,
    ) -> None:
        if not self.is_off:
            self._keep(instrument, value, span, {names.URL_SCHEME: self._scheme, **(found or {})})

    def _keep(self, instrument: Instrument, value: float, span: Span | None, found: Found) -> None:
        attributes = {**self._at.attributes, **found}
        self._instruments.record(instrument, value, attributes, _context(span))


def _context(span: Span | None) -> Context | None:
    """Return the context that lets an exemplar point at `span`."""
    return None if span is None else set_span_in_context(span, Context())
