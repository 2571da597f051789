"""Streams: runs of outbound messages, told chunk by chunk, and measured."""

from __future__ import annotations

from collections.abc import Callable
from threading import RLock
from typing import Any, Final

from opentelemetry.context import Context, get_current
from opentelemetry.trace import Link, Span, SpanKind, get_current_span, set_span_in_context
from opentelemetry.util.types import AttributeValue

from . import _semconv as names
from ._chunks import Chunks
from ._close import Ending
from ._config import Config
from ._measures import Measures, measure
from ._spans import Spans, error_type
from ._stream import STREAM_KEY, Stream
from ._turn import Turn, current_turn, is_disowned
from ._types import Message

_MIN_CHUNKS: Final = 2
# What connections without a stream have: never written.
_NONE_OPEN: Final[dict[Stream, None]] = {}
_NONE_LEFT: Final[dict[Stream, int]] = {}
Parent = tuple[Context, tuple[Link, ...]]
_preparing = RLock()  # a collection of garbage may come back here


class Streams:
    """The streams of one connection, traced or not."""

    __slots__ = (
        *("_clock", "_ending", "_left", "_measures", "_spans", "keeps_times", "meters_turns"),
        "open",
    )

    def __init__(
        self,
        spans: Spans,
        measures: Measures,
        ending: Ending,
        config: Config,
        clock: Callable[[], int],
    ) -> None:
        self._spans = spans
        self._measures = measures
        self._ending = ending
        self._clock = clock
        self.open = _NONE_OPEN
        """Those that have not ended."""
        self._left = _NONE_LEFT
        self.keeps_times = config.record_chunk_times
        """The time of each chunk is an attribute of its stream."""
        self.meters_turns = False
        """Every turn of the connection counts what is sent in it."""

    def begin(self, name: str, since: int | None, parent: Parent | None) -> Stream:
        """Begin a stream that was asked for at `since`, else by the message that this runs for.

        It grows from `parent`; without one it has no span, and is measured all the same.
        """
        self._end_left()
        turn, before = current_turn(), get_current()
        if since is None:
            since = self._asked_at(turn)
        span = self._start(name, since, parent) if parent else get_current_span(before)
        stream = Stream(self, name, span, Chunks(since, keeps_times=self.keeps_times))
        stream.is_own = parent is not None
        self._prepare()
        self.open[stream] = None
        if turn is not None and _is_open(turn):
            stream.turn = turn
            turn.own(stream)
        stream.enter(before)
        return stream

    def end(self, stream: Stream, error: BaseException | None = None) -> None:
        """A stream has come to its end, or `error` ends it; one that was left before has not."""
        if not stream.is_left:
            self._finish(stream, self._reason(error), error)

    def leave(self, stream: Stream) -> None:
        """A stream is left before its end: why, the end of its turn will tell."""
        if stream.is_left:
            return
        self._take(stream)
        if stream.turn is None or not _is_open(stream.turn):
            if stream.is_own or self._ending.is_by_peer:
                self.give_up(stream)
            else:
                self._left[stream] = self._measures.received_count

    def give_up(self, stream: Stream, error: BaseException | None = None) -> None:
        """End a stream that was not brought to its end, maybe because of `error`."""
        self._finish(stream, self._reason(error, is_left=True), error)

    def end_turn(self, turn: Turn, error: BaseException | None) -> None:
        """End what a turn has left open, and measure the turn itself if that is wanted."""
        turn.end_streams(error)
        self.measure_turn(turn, self._reason(error), error)

    def measure_turn(self, turn: Turn, reason: str | None, error: BaseException | None) -> None:
        """Measure what a turn has sent, up to now; one that has sent a single answer is none.

        Without a `reason` it is cut, and goes on: nobody will tell the end of what was left in it.
        """
        if reason is None:
            turn.end_streams(error, is_cut=True)
        chunks, turn.chunks = turn.chunks, None
        if chunks is None or chunks.count < _MIN_CHUNKS:
            return
        stream = Stream(self, None, turn.span, chunks)
        stream.is_own = turn.span.is_recording()
        if stream.is_own:
            parent = set_span_in_context(turn.span, Context())
            stream.span = self._start(None, turn.started, (parent, ()))
        self._conclude(stream, reason, error)

    def end_all(self, error: BaseException | None) -> None:
        """End what is still open when the connection ends."""
        self._end_left(error)
        for stream in reversed(tuple(self.open)):
            self.give_up(stream, error)

    def is_streaming(self) -> bool:
        """Tell whether what is sent now is a chunk of an open stream."""
        return bool(self.open) and get_current().get(STREAM_KEY) in self.open

    def sent(self, message: Message) -> None:
        """The server has taken a message: a chunk of the stream, or of the turn, that sent it."""
        if not (self.open or self._left or self.meters_turns):
            return
        self._end_left()
        stream: Any = get_current().get(STREAM_KEY)
        if stream in self.open:
            interval = stream.chunks.add(measure(message)[1], self._clock())
            if interval is not None and self._measures.is_fine:
                self._measures.chunked(interval, stream.name, stream.span)
        elif (turn := current_turn()) and turn.metered_by is self and turn.chunks is not None:
            turn.chunks.add(measure(message)[1], self._clock())

    def _prepare(self) -> None:
        """Get ready to have streams: most connections never have one."""
        with _preparing:  # In whichever thread.
            if self.open is _NONE_OPEN:
                self.open, self._left = {}, {}

    def _take(self, stream: Stream) -> None:
        """Let nothing more be a chunk of a stream."""
        if not stream.is_left:
            self.open.pop(stream, None)
            stream.left_at = self._clock()
            stream.leave()

    def _end_left(self, error: BaseException | None = None) -> None:
        """End what was left where there are no turns: with `error`, if that is what has left it.

        It may be if the application has not received anything since.
        """
        if not self._left:
            return
        left, self._left = self._left, {}
        for stream, count in left.items():
            passing = error if count == self._measures.received_count else None
            failed = passing is not None and self._spans.is_failure(passing)
            self._finish(stream, names.END_ERROR if failed else names.END_CANCELLED, passing)

    def _finish(self, stream: Stream, reason: str, error: BaseException | None) -> None:
        self._take(stream)
        if stream.turn is not None:
            stream.turn.disown(stream)
        self._conclude(stream, reason, error)

    def _asked_at(self, turn: Turn | None) -> int:
        """Return when the message came that the running code works for, else the time."""
        if turn is not None:
            return self._clock() if is_disowned(turn.span) else turn.started
        return self._measures.arrived_at or self._clock()

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
            if failure is not None and stream.name is None:  # The turn's own span is to record it.
                self._spans.fail(span, error_type(failure))
                failure = None
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


def _is_open(turn: Turn) -> bool:
    """Tell whether the end of a turn is still to come: one that was cut has had it."""
    return turn.is_current and not is_disowned(turn.span)
