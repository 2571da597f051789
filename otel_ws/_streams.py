"""Streams: runs of outbound messages, told chunk by chunk, and measured."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from opentelemetry.context import Context, create_key, get_current
from opentelemetry.trace import Link, Span, SpanKind, get_current_span, set_span_in_context
from opentelemetry.util.types import AttributeValue

from . import _semconv as names
from ._chunks import Chunks
from ._close import Ending
from ._measures import Measures, measure
from ._spans import Spans
from ._turn import Running, Turn, current_turn
from ._types import Message

_STREAM_KEY: Final = create_key("otel_ws.stream")
_MIN_CHUNKS: Final = 2
Parent = tuple[Context, tuple[Link, ...]]


class Stream(Running):
    """One stream of a connection; what is sent while it is current belongs to it."""

    __slots__ = ("chunks", "is_over", "is_own", "left_at", "name", "streams", "turn")

    _key = _STREAM_KEY

    def __init__(self, streams: Streams, name: str | None, span: Span, chunks: Chunks) -> None:
        super().__init__(span, chunks.since)
        self.streams = streams
        self.name = name
        self.chunks = chunks
        self.turn: Turn | None = None
        """What it was begun in."""
        self.is_own = True
        """Its span is its own, and not what was current before."""
        self.is_over = False
        self.left_at: int | None = None
        """When it was left, before its end is told."""


class Streams:
    """The streams of one connection, traced or not."""

    __slots__ = ("_clock", "_ending", "_measures", "_open", "_spans", "meters_turns")

    def __init__(
        self, spans: Spans, measures: Measures, ending: Ending, clock: Callable[[], int]
    ) -> None:
        self._spans = spans
        self._measures = measures
        self._ending = ending
        self._clock = clock
        self._open: tuple[Stream, ...] = ()
        self.meters_turns = False
        """Every turn counts what is sent in it."""

    def begin(self, name: str, since: int | None, parent: Parent | None) -> Stream:
        """Begin a stream that was asked for at `since`, else by the message that this runs for.

        It grows from `parent`; without one it has no span, and is measured all the same.
        """
        turn, before = current_turn(), get_current()
        if since is None:
            since = turn.started if turn is not None else self._measures.arrived_at or self._clock()
        span = self._start(name, since, parent) if parent else get_current_span(before)
        stream = Stream(self, name, span, Chunks(since))
        stream.is_own = parent is not None
        self._open += (stream,)
        if turn is not None and turn.is_current:
            stream.turn = turn
            turn.streams += (stream,)
        stream.enter(before)
        return stream

    def leave(self, stream: Stream) -> None:
        """A stream is left before its end: why, the end of its turn will tell."""
        self._take(stream)
        if stream.turn is None or not stream.turn.is_current:
            self.end(stream, is_left=True)

    def end(
        self, stream: Stream, error: BaseException | None = None, *, is_left: bool = False
    ) -> None:
        """End a stream, unless it has ended; `is_left`: it was not brought to its end."""
        if not stream.is_over:
            self._take(stream)
            stream.is_over = True
            self._conclude(stream, self._reason(error, is_left=is_left), error)

    def end_turn(self, turn: Turn, error: BaseException | None) -> None:
        """End what a turn has left open, and measure the turn itself if that is wanted."""
        turn.end_streams(error)
        self.measure_turn(turn, self._reason(error), error)

    def measure_turn(self, turn: Turn, reason: str | None, error: BaseException | None) -> None:
        """Measure what a turn has sent, up to now; one that has sent a single answer is none."""
        chunks, turn.chunks = turn.chunks, None
        if chunks is None or chunks.count < _MIN_CHUNKS:
            return
        parent = set_span_in_context(turn.span, Context())
        span = self._start(None, turn.started, (parent, ()))
        self._conclude(Stream(self, None, span, chunks), reason, error)

    def end_all(self, error: BaseException | None) -> None:
        """End what is still open when the connection ends."""
        for stream in self._open:
            self.end(stream, error, is_left=True)

    def is_streaming(self) -> bool:
        """Tell whether what is sent now is a chunk of an open stream."""
        return bool(self._open) and get_current().get(_STREAM_KEY) in self._open

    def sent(self, message: Message) -> None:
        """The server has taken a message: a chunk of the stream, or of the turn, that sent it."""
        if not self._open and not self.meters_turns:
            return
        stream: Any = get_current().get(_STREAM_KEY)
        if stream in self._open:
            interval = stream.chunks.add(measure(message)[1], self._clock())
            if interval is not None and self._measures.is_fine:
                self._measures.chunked(interval, stream.name, stream.span)
        elif (turn := current_turn()) is not None and turn.chunks is not None:
            turn.chunks.add(measure(message)[1], self._clock())

    def _take(self, stream: Stream) -> None:
        """Let nothing more be a chunk of a stream."""
        if stream in self._open:
            self._open = tuple(each for each in self._open if each is not stream)
            stream.left_at = self._clock()
            stream.leave()

    def _start(self, name: str | None, since: int, parent: Parent) -> Span:
        context, links = parent
        title = names.SPAN_STREAM if name is None else f"{names.SPAN_STREAM} {name}"
        attributes = {} if name is None else {names.STREAM_NAME: name}
        return self._spans.start(title, SpanKind.INTERNAL, context, links, attributes, since)

    def _conclude(self, stream: Stream, reason: str | None, error: BaseException | None) -> None:
        """End with the last chunk if that was the end; else now, and with what went wrong."""
        span, chunks, measures = stream.span, stream.chunks, stream.chunks.measures()
        if stream.is_own:
            span.set_attributes(measures.attributes())
            span.set_attribute(*_ended(reason))
            is_whole = reason == names.END_COMPLETE and chunks.count > 0
            failure = error if reason == names.END_ERROR else None
            end_time = max(chunks.last, chunks.since) if is_whole else stream.left_at
            self._spans.end(span, failure, end_time)
        self._measures.streamed(measures, stream.name, reason, span)

    def _reason(self, error: BaseException | None, *, is_left: bool = False) -> str:
        if self._ending.is_by_peer:
            return names.END_DISCONNECTED
        if error is not None and self._spans.is_failure(error):
            return names.END_ERROR
        return names.END_CANCELLED if is_left or error is not None else names.END_COMPLETE


def _ended(reason: str | None) -> tuple[str, AttributeValue]:
    """Return the attribute that says how a stream ended: a turn's may go on when it is cut."""
    return (names.MESSAGE_CUT, True) if reason is None else (names.STREAM_END_REASON, reason)
