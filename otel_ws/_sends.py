"""The outbound messages of an accepted connection."""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, get_current_span

from . import _instruments as instruments
from . import _semconv as names
from ._descriptions import Descriptions
from ._frame import Frame
from ._log import run_hook
from ._spans import error_type
from ._streams import Parent
from ._types import Message


class Sending:
    """A send under way: what the server is to get, and what its end needs."""

    __slots__ = ("kind", "message", "span", "started")

    def __init__(
        self, message: Message, span: Span | None, kind: str | None = None, started: int = 0
    ) -> None:
        self.message = message
        self.span = span
        self.kind = kind
        """Its type, if it is measured."""
        self.started = started


class Sends:
    """Traces, counts and measures sends."""

    __slots__ = (
        *("_carriers", "_clock", "_ending", "_hook", "_is_traced", "_measures", "_scope", "_sent"),
        *("_spans", "_streams"),
    )

    def __init__(self, frame: Frame, *, is_traced: bool) -> None:
        self._scope = frame.scope
        self._spans = frame.spans
        self._measures = frame.measures
        self._streams = frame.streams
        self._ending = frame.ending
        self._carriers = frame.carriers
        self._clock = frame.clock
        self._is_traced = is_traced
        self._hook = frame.config.hooks.on_send
        self._sent = Descriptions(names.SPAN_SEND, frame)

    def begin(self, message: Message, parent: Callable[[], Parent | None]) -> Sending | None:
        """Begin a send; what is returned belongs to `end`."""
        kind, size = self._measures.sending(message)
        span = self._start(message, kind, size, parent) if self._is_traced else None
        if self._carriers is not None and self._carriers.writes:
            grown = None if span else parent()
            caller = span or (get_current_span(grown[0]) if grown else INVALID_SPAN)
            message = self._carriers.write(message, caller.get_span_context())
        if self._measures.is_fine:
            return Sending(message, span, kind, self._clock())
        return Sending(message, span)

    def end(
        self,
        message: Message,
        sending: Sending | None,
        error: BaseException | None,
    ) -> None:
        """End a send. One that failed because the peer left is no error, and cheap to record."""
        if error is None:
            self._measures.sent(message, None if sending is None else sending.span)
            self._streams.sent(message)
        else:
            self._measures.unsent(message)
            if self._ending.refused(error):
                self._spans.forgive(error)
        if sending is None:
            return
        if sending.kind is not None:
            failure = self._spans.failure(error)
            took = self._measures.took
            took(instruments.SEND_DURATION, sending.started, sending.kind, sending.span, failure)
        if sending.span is not None:
            if error is not None and isinstance(error, Exception):
                sending.span.set_attribute(names.ERROR_TYPE, error_type(error))
            self._spans.end(sending.span, error)

    def _start(
        self, message: Message, kind: str, size: int, parent: Callable[[], Parent | None]
    ) -> Span | None:
        is_chunk = self._streams.open and self._streams.is_streaming()
        grown = None if is_chunk else parent()
        if grown is None:
            return None
        context, links = grown
        name, attributes = self._sent.describe(message, kind, size, self._measures.sent_count)
        span = self._spans.begin(name, context, SpanKind.PRODUCER, attributes, links, None)
        if self._hook is not None:
            run_hook(self._hook, span, self._scope, message)
        return span
