"""The outbound messages of an accepted connection."""

from __future__ import annotations

from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, get_current_span

from . import _instruments as instruments
from . import _semconv as names
from ._descriptions import describe
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


def wants_sends(frame: Frame, *, is_traced: bool) -> bool:
    """Tell whether anything is done about a send before it happens."""
    writes = frame.carriers is not None and frame.carriers.writes
    return writes or frame.measures.is_fine or (is_traced and frame.config.trace_sends)


class OutboundHalf:
    """The outbound half of an accepted connection: traces, counts and measures sends."""

    __slots__ = ("_frame", "_traces_sends")

    def __init__(self, frame: Frame, *, is_traced: bool) -> None:
        self._frame = frame
        self._traces_sends = is_traced and frame.config.trace_sends

    def parent(self) -> Parent | None:
        """Return what a span grows from that the running code causes, and its links."""
        raise NotImplementedError

    def begin_send(self, message: Message) -> Sending:
        """Begin a send; what is returned belongs to `end_send`."""
        frame, measures = self._frame, self._frame.measures
        kind, size = measures.sending(message)
        span = self._start_send(message, kind, size) if self._traces_sends else None
        if frame.carriers is not None and frame.carriers.writes:
            grown = None if span else self.parent()
            caller = span or (get_current_span(grown[0]) if grown else INVALID_SPAN)
            message = frame.carriers.write(message, caller.get_span_context())
        if measures.is_fine:
            return Sending(message, span, kind, frame.clock())
        return Sending(message, span)

    def end_send(
        self, message: Message, sending: Sending | None, error: BaseException | None
    ) -> None:
        """End a send, which may not have been told of when it began.

        One that failed because the peer left is no error, and cheap to record.
        """
        frame, spans, measures = self._frame, self._frame.spans, self._frame.measures
        if error is None:
            if sending is None:
                measures.sending(message)
            measures.sent(message, None if sending is None else sending.span)
            frame.streams.sent(message)
        else:
            if sending is not None:
                measures.unsent(message)
            if frame.ending.refused(error):
                spans.forgive(error)
        if sending is None:
            return
        if sending.kind is not None:
            failure, took = spans.failure(error), measures.took
            took(instruments.SEND_DURATION, sending.started, sending.kind, sending.span, failure)
        if sending.span is not None:
            if error is not None and isinstance(error, Exception):
                sending.span.set_attribute(names.ERROR_TYPE, error_type(error))
            spans.end(sending.span, error)

    def _start_send(self, message: Message, kind: str, size: int) -> Span | None:
        frame, hook = self._frame, self._frame.config.hooks.on_send
        is_chunk = frame.streams.open and frame.streams.is_streaming()
        grown = None if is_chunk else self.parent()
        if grown is None:
            return None
        context, links = grown
        sequence = frame.measures.sent_count
        name, attributes = describe(frame, names.SPAN_SEND, message, kind, size, sequence)
        span = frame.spans.begin(name, context, SpanKind.PRODUCER, attributes, links, None)
        if hook is not None:
            run_hook(hook, span, frame.scope, message)
        return span
