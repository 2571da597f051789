"""An accepted connection: its trunk, its messages, its totals and its one close."""

from __future__ import annotations

from functools import partial

from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import INVALID_SPAN, Span, SpanKind, get_current_span
from opentelemetry.util.types import AttributeValue

from . import _instruments as instruments
from . import _semconv as names
from ._carriers import Carried, Sender
from ._chunks import Chunks
from ._close import Closure
from ._descriptions import describe
from ._frame import Frame
from ._log import run_hook, shielded
from ._models import Trunk, grow_trunk, links_to, rollover_of
from ._policy import policy_of, quiet_span
from ._sends import OutboundHalf
from ._streams import Parent
from ._turn import NOTHING, Turn, disown, is_settled, span_in, turn_in, with_span
from ._types import Message


class Live(OutboundHalf):
    """What happens on a connection from its acceptance to its end."""

    __slots__ = ("_close", "_cut", "_cut_as", "_policy", "_rollover", "_spans", "trunk")

    def __init__(self, frame: Frame, handshake: Span, base: Context, *, detailed: bool) -> None:
        super().__init__(frame, is_traced=detailed)
        self._spans = frame.spans
        self._policy = policy_of(frame.config)
        frame.streams.meters_turns = frame.config.meter_turns
        self.trunk = grow_trunk(frame.spans, frame.config, handshake, base)
        self._rollover = rollover_of(frame.spans, frame.config, handshake, frame.clock)
        self._close: Turn | None = None
        self._cut: Span | None = None
        self._cut_as: Span = INVALID_SPAN
        """What the message whose turn was cut is known as: it may have got a span of its own."""
        frame.measures.opened()

    def ground(self) -> Trunk:
        """Return what grows from the connection from now on, which may be a new segment of it."""
        count = self._frame.measures.received_count
        if self._rollover is not None and self._rollover.is_due(count):
            before, self.trunk = self.trunk, self._rollover.next(self.trunk, count)
            self._spans.end(before.span)
            disown(before.span)
        return self.trunk

    # Turns: what application code runs under.

    def begin_open(self, handshake: Span, *, enter: bool) -> Turn:
        """Begin what the application does before its first message.

        The turn is not entered where nothing would leave it, nor where the application accepts
        under a span of its own.
        """
        name, parent = self._spans.named(names.SPAN_OPEN), (self.trunk.context, self.trunk.links)
        turn = Turn(self._spans.start(name, SpanKind.INTERNAL, *parent), self._frame.clock())
        turn.is_passing = True
        if enter and get_current_span(current := get_current()) is handshake:
            turn.enter(self._rid(current))
        return turn

    def begin_message(self, message: Message, started: int, *, is_dispatched: bool = False) -> Turn:
        """Begin the handling of an inbound message that was received at `started`."""
        if self._rollover is not None:
            self.ground()
        frame, measures = self._frame, self._frame.measures
        kind, size = measures.received(message)
        sequence = measures.received_count
        name, attributes = describe(frame, names.SPAN_RECEIVE, message, kind, size, sequence)
        sender = None if frame.carriers is None else frame.carriers.sender(message)
        roots = (self.trunk.context, self.trunk.links) if sender is None else self._roots(sender)
        if self._policy is None or self._policy.admits(frame.scope, message, attributes, started):
            turn = Turn(self._start(name, attributes, roots, started), started)
        else:
            turn = Turn(quiet_span(), started)
            turn.late = partial(self._start_late, name, attributes, roots, started)
        turn.enter(self.settle(), NOTHING if sender is None else sender.context or NOTHING)
        if frame.carriers is not None and isinstance(message, Carried):
            turn.carried = message
        if frame.streams.meters_turns:
            turn.chunks = Chunks(started, keeps_times=frame.streams.keeps_times)
            turn.metered_by = frame.streams
        if measures.is_fine:
            measures.record_size(size, kind, "received", turn.span)
            took = measures.took
            turn.measure = partial(took, instruments.PROCESS_DURATION, started, kind)
            if is_dispatched:
                took(instruments.DISPATCH_WAIT, started, kind, turn.span, None)
        if frame.config.hooks.on_message is not None:
            run_hook(frame.config.hooks.on_message, turn.span, frame.scope, message)
        return turn

    def end_turn(self, turn: Turn, error: BaseException | None) -> None:
        """End what began with `begin_open` or `begin_message`, or the processing of an event."""
        if turn.streams or turn.chunks is not None:
            self._frame.streams.end_turn(turn, error)
        if turn.is_passing:
            disown(turn.span)
        turn.leave()
        if turn.carried is not None:
            turn.carried = None  # A task that was made meanwhile keeps the turn, not the message.
        span = turn.span if turn.late is None else _span_of(turn, error)
        self._spans.end(span, error)
        if turn.measure is not None:
            turn.measure(span, self._spans.failure(error))

    def begin_close(self, *, sent: bool = False) -> Turn:
        """Begin the close, of which there is one: by whoever is first.

        The code that sends it has caused it, unless it belongs to the connection anyway.
        """
        if self._close is None:
            context, links = self.trunk.context, self.trunk.links
            if sent and not self.trunk.is_span:
                context, links = self.parent() or (context, links)
            span = self._spans.start(names.SPAN_CLOSE, SpanKind.INTERNAL, context, links)
            self._close = Turn(span, self._frame.clock())
        return self._close

    def settle(self) -> Context:
        """Return the current context, rid of a span that nothing may grow from any more."""
        current = get_current()
        if current is not self.trunk.context and not is_settled(span_in(current), current):
            attach(current := self._rid(current))
        return current

    def _rid(self, context: Context) -> Context:
        """Return `context` with no span but the trunk's: mostly the one that is there already."""
        settled, own = with_span(self.trunk.span, context), self.trunk.context
        return own if own == settled else settled

    def cut(self, turn: Turn) -> float:
        """End `turn` if it is too old; return the seconds that it has left."""
        left = self._frame.config.max_message_age - (self._frame.clock() - turn.started) / 1e9
        if left <= 0:
            self._frame.streams.measure_turn(turn, None, None)
            span = _span_of(turn)
            span.set_attribute(names.MESSAGE_CUT, True)
            self._spans.end(span)
            disown(turn.span)
            turn.is_cut = True
            self._cut, self._cut_as = turn.span, span
        return left

    def _start(
        self, name: str, attributes: dict[str, AttributeValue], parent: Parent, started: int
    ) -> Span:
        context, links = parent
        return self._spans.begin(name, context, SpanKind.CONSUMER, attributes, links, started)

    def _roots(self, sender: Sender) -> Parent:
        """Return what the handling of a message grows from: who has sent it, or the connection."""
        trunk = self.trunk
        if sender.context is None or trunk.is_span:
            return trunk.context, (sender.link, *trunk.links)
        return Context({**trunk.context, **sender.context}), trunk.links

    def _start_late(
        self,
        name: str,
        attributes: dict[str, AttributeValue],
        parent: Parent,
        started: int,
        error: BaseException | None,
    ) -> Span | None:
        """Start the span of a message that was kept quiet, if its end is worth it."""
        seconds = (self._frame.clock() - started) / 1e9
        failed = error is not None and self._spans.is_failure(error)
        if self._policy is None or not self._policy.keeps(seconds, failed=failed):
            return None
        return self._start(name, attributes, parent, started)

    def parent(self) -> Parent | None:
        """Return what a span grows from that the running code causes, and its links.

        That is the current span, whose code calls us. Without one it is the trunk.
        Nothing grows from what is not recorded, if that is inherited or would not be either.
        """
        current, inherits = get_current(), self._frame.config.inherit_sampling
        turn = turn_in(current)
        if turn is not None and turn.is_all_of(current):
            context = turn.span.get_span_context()
            if context.is_valid:
                return (current, ()) if self._spans.may_keep(context, inherits) else None
        span = span_in(current)
        cause = self._cut_as if span is self._cut else span
        context, is_ended = cause.get_span_context(), not is_settled(span, current)
        if context.is_valid and not is_ended and span is not self.trunk.span:
            return (current, ()) if self._spans.may_keep(context, inherits) else None
        is_lost = context.is_valid and not context.trace_flags.sampled
        if is_lost and inherits and (span is self._cut or not is_ended):
            return None
        links = (trunk := self.ground()).links
        if trunk.is_span or span.get_span_context().is_valid:
            current = with_span(trunk.span, current)
        if span is self._cut:
            links = (*links, *links_to(cause, names.LINK_MESSAGE))
        return current, links

    # The end.

    def end(self, error: BaseException | None) -> None:
        """End what is still open, the close, and the connection's own span."""
        failed = self._spans.failure(error) is not None
        closure = self._frame.ending.conclude(error, failed=failed)
        shielded(self._frame.streams.end_all)(error)
        shielded(self.end_close)(closure, error)
        shielded(self.end_connection)(closure, error)

    def end_close(self, closure: Closure, error: BaseException | None) -> None:
        """End the close with the totals; it is made here if nothing closed the connection."""
        close, frame = self.begin_close(), self._frame
        close.leave()
        span = close.span
        span.set_attributes({**closure.attributes(frame.side), **frame.measures.totals()})
        if closure.reason and frame.config.record_close_reason:
            span.set_attribute(names.CLOSE_REASON, closure.reason)
        self._end_with(span, closure, error)

    def end_connection(self, closure: Closure, error: BaseException | None) -> None:
        """End the connection's own span, in the model that has one."""
        close = None if self._close is None else self._close.span
        coded = closure.error(self._frame.config.error_close_codes)
        self._frame.measures.closed(closure, self._spans.failure(error) or coded, close)
        if self.trunk.is_span:
            self._end_with(self.trunk.span, closure, error)
            disown(self.trunk.span)

    def _end_with(self, span: Span, closure: Closure, error: BaseException | None) -> None:
        if coded := closure.error(self._frame.config.error_close_codes):
            self._spans.fail(span, coded)
        self._spans.end(span, error)


def _span_of(turn: Turn, error: BaseException | None = None) -> Span:
    """Return the span to end a turn with: one that was kept quiet may get its own after all."""
    late = None if turn.late is None else turn.late(error)
    return late or turn.span
