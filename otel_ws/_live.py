"""An accepted connection: its trunk, its messages, its totals and its one close."""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import Link, Span, SpanKind, get_current_span, set_span_in_context
from opentelemetry.util.types import AttributeValue

from . import _semconv as names
from ._close import Closure
from ._config import Config
from ._handshake import Handshake
from ._log import report, run_hook
from ._models import Trunk, connection_trunk, session_trunk
from ._spans import Spans, error_type, measure
from ._turn import Turn, disown, is_disowned
from ._types import Message, Scope


class Live:
    """What happens on a connection from its acceptance to its end."""

    def __init__(
        self,
        scope: Scope,
        config: Config,
        spans: Spans,
        handshake: Handshake,
        base: Context,
        clock: Callable[[], int],
    ) -> None:
        self._scope = scope
        self._config = config
        self._spans = spans
        self._clock = clock
        self._accepted_at = clock()
        self.trunk = self._grow_trunk(handshake.span, base)
        self._receive_name = spans.named(names.SPAN_RECEIVE)
        self._send_name = spans.named(names.SPAN_SEND)
        self._close: Turn | None = None
        self._cut: Span | None = None
        self._received_count = self._received_size = 0
        self._sent_count = self._sent_size = 0

    def _grow_trunk(self, handshake: Span, base: Context) -> Trunk:
        if self._config.model == "session":
            return session_trunk(handshake, base)
        parent = set_span_in_context(handshake, base)
        name = self._spans.named(names.SPAN_CONNECTION)
        return connection_trunk(self._spans.start(name, SpanKind.INTERNAL, parent), base)

    # Turns: what application code runs under.

    def begin_open(self, handshake: Span) -> Turn:
        """Begin what the application does before its first message.

        The turn is not entered where the application accepts under a span of its own.
        """
        turn = self._begin(self._spans.named(names.SPAN_OPEN), SpanKind.INTERNAL, self._clock())
        turn.is_passing = True
        current = get_current()
        if get_current_span(current) is handshake:
            turn.enter(set_span_in_context(self.trunk.span, current))
        return turn

    def begin_message(self, message: Message, started: int) -> Turn:
        """Begin the handling of an inbound message that was received at `started`."""
        kind, size = measure(message)
        self.tally_received(size)
        attributes: dict[str, AttributeValue] = {
            names.MESSAGE_TYPE: kind,
            names.MESSAGE_SIZE: size,
            names.MESSAGE_SEQUENCE: self._received_count,
        }
        name = self._receive_name
        if self._config.message_name is not None:
            name = self._named_by_user(name, names.SPAN_RECEIVE, message, attributes)
        turn = self._begin(name, SpanKind.CONSUMER, started, attributes)
        turn.enter(self.settle())
        run_hook(self._config.hooks.on_message, turn.span, self._scope, message)
        return turn

    def tally_received(self, size: int) -> None:
        self._received_count += 1
        self._received_size += size

    def begin_close(self, *, sent: bool = False) -> Turn:
        """Begin the close, of which there is one: by whoever is first.

        The code that sends it has caused it, unless it belongs to the connection anyway.
        """
        if self._close is None:
            context, links = self.trunk.context, self.trunk.links
            if sent and not self.trunk.is_span:
                context, links = self._parent()
            span = self._spans.start(names.SPAN_CLOSE, SpanKind.INTERNAL, context, links)
            self._close = Turn(span, self._clock())
        return self._close

    def settle(self) -> Context:
        """Return the current context, rid of a span that nothing may grow from any more."""
        current = get_current()
        if is_disowned(get_current_span(current)):
            current = set_span_in_context(self.trunk.span, current)
            attach(current)
        return current

    def cut(self, turn: Turn) -> float:
        """End `turn` if it is too old; return the seconds that it has left."""
        left = self._config.max_message_age - (self._clock() - turn.started) / 1e9
        if left <= 0:
            turn.span.set_attribute(names.MESSAGE_CUT, True)
            turn.span.end()
            disown(turn.span)
            self._cut = turn.span
        return left

    def _begin(
        self,
        name: str,
        kind: SpanKind,
        started: int,
        attributes: dict[str, AttributeValue] | None = None,
    ) -> Turn:
        trunk = self.trunk
        span = self._spans.start(name, kind, trunk.context, trunk.links, attributes or {}, started)
        return Turn(span, started)

    # Sends.

    def begin_send(self, message: Message) -> Span | None:
        kind, size = measure(message)
        self._sent_count += 1
        self._sent_size += size
        if not self._config.trace_sends:
            return None
        attributes: dict[str, AttributeValue] = {
            names.MESSAGE_TYPE: kind,
            names.MESSAGE_SIZE: size,
            names.MESSAGE_SEQUENCE: self._sent_count,
        }
        name = self._send_name
        if self._config.message_name is not None:
            name = self._named_by_user(name, names.SPAN_SEND, message, attributes)
        context, links = self._parent()
        span = self._spans.start(name, SpanKind.PRODUCER, context, links, attributes)
        run_hook(self._config.hooks.on_send, span, self._scope, message)
        return span

    def end_send(
        self, message: Message, span: Span | None, error: BaseException | None, *, peer_left: bool
    ) -> None:
        """End a send. One that failed because the peer left is no error, and cheap to record."""
        if error is not None:
            self._sent_count -= 1
            self._sent_size -= measure(message)[1]
        if span is None:
            return
        if peer_left and error is not None:
            span.set_attribute(names.ERROR_TYPE, error_type(error))
            error = None
        self._spans.end(span, error)

    def _parent(self) -> tuple[Context, tuple[Link, ...]]:
        """Return what a span grows from that the running code causes, and its links.

        That is the current span, whose code calls us. Without one it is the trunk.
        """
        current = get_current()
        span = get_current_span(current)
        links = self.trunk.links
        if is_disowned(span):
            current = set_span_in_context(self.trunk.span, current)
            if span is self._cut:
                message = Link(span.get_span_context(), {names.LINK_TYPE: names.LINK_MESSAGE})
                links = (*links, message)
        elif span.get_span_context().is_valid:
            links = ()
        elif self.trunk.is_span:
            current = set_span_in_context(self.trunk.span, current)
        return current, links

    def _named_by_user(
        self, default: str, span_name: str, message: Message, attributes: dict[str, AttributeValue]
    ) -> str:
        """Return the name of a span whose message the user's function has a name for."""
        name: object = run_hook(self._config.message_name, self._scope, message)
        if name is not None and not isinstance(name, str):
            report("message_name returned neither a text nor None; the default name is used")
            return default
        if not name:
            return default
        attributes[names.MESSAGE_NAME] = name
        return f"{span_name} {name}"

    # The end.

    def end_close(self, closure: Closure, error: BaseException | None) -> None:
        """End the close with the totals; it is made here if nothing closed the connection."""
        span = self.begin_close().span
        span.set_attributes(
            {
                names.CLOSE_STATUS: closure.status,
                names.CLOSE_INITIATOR: closure.initiator,
                names.RECEIVED_COUNT: self._received_count,
                names.RECEIVED_SIZE: self._received_size,
                names.SENT_COUNT: self._sent_count,
                names.SENT_SIZE: self._sent_size,
                names.CONNECTION_DURATION: (self._clock() - self._accepted_at) / 1e9,
            }
        )
        if closure.code is not None:
            span.set_attribute(names.CLOSE_CODE, closure.code)
        self._end_with(span, closure, error)

    def end_connection(self, closure: Closure, error: BaseException | None) -> None:
        """End the connection's own span, in the model that has one."""
        if self.trunk.is_span:
            self._end_with(self.trunk.span, closure, error)
            disown(self.trunk.span)

    def _end_with(self, span: Span, closure: Closure, error: BaseException | None) -> None:
        if closure.is_error(self._config.error_close_codes):
            self._spans.fail(span, str(closure.code))
        self._spans.end(span, error)
