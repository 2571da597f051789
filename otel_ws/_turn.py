"""A span that application code runs under, and the context it is current in.

Contexts are restored by setting, never by token: the code that ends a turn may run in another
task than the code that began it, and a token reset there is logged as "Failed to detach context".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Final
from weakref import WeakSet

from opentelemetry.context import Context, attach, create_key, get_current
from opentelemetry.trace import INVALID_SPAN, Span, get_current_span, set_span_in_context

from ._spans import Spans

if TYPE_CHECKING:
    from ._carriers import Carried
    from ._chunks import Chunks
    from ._stream import Stream
    from ._streams import Streams

_ended: WeakSet[Span] = WeakSet()
# The key that the API keeps a span under: with it two values go into a context in one copy.
(SPAN_KEY,) = set_span_in_context(INVALID_SPAN, Context())
NOTHING: Final = Context()
_NO_STREAMS: Final[Mapping[Any, None]] = MappingProxyType({})
_TURN_KEY: Final = create_key("otel_ws.turn")


class Running:
    """A span that application code runs under; it is found in the context under a key as well."""

    # Not in slots: what most of them never have costs nothing as the default of the class.
    _key: ClassVar[str]
    _before: Context | None = None
    _context: Context | None = None

    def __init__(self, span: Span, started: int) -> None:
        self.span = span
        self.started = started

    @property
    def is_current(self) -> bool:
        """Tell whether it was entered, and not yet left."""
        return self._context is not None

    def enter(self, before: Context, extra: Context = NOTHING) -> None:
        """Make the span current, and what is `extra`; `before` comes back when it is left."""
        self._before = before
        found = {**before, **extra} if extra else before
        self._context = Context({**found, SPAN_KEY: self.span, self._key: self})
        attach(self._context)

    def leave(self) -> None:
        """Take the span from the current context, if it is there, and nothing else with it."""
        # Forgotten at once: the context holds this, and a circle would keep the span.
        entered, before, self._context, self._before = self._context, self._before, None, None
        if before is None:
            return
        current = get_current()
        if current is entered:
            attach(before)
        elif get_current_span(current) is self.span:
            outer = {SPAN_KEY: get_current_span(before), self._key: before.get(self._key)}
            attach(Context({**current, **outer}))


class Turn(Running):
    """What one handshake, one inbound message or one close causes."""

    _key = _TURN_KEY

    measure: Callable[[Span, str | None], None] | None = None
    """Is told the turn's end: its span, and the type of what failed, if anything did."""
    spans: Spans | None = None
    """What ends the span, if not who began it."""
    is_cut = False
    """Its span was too old, and has ended before it."""
    is_passing = False
    """What was begun under it and outlives it is no part of it."""
    streams: Mapping[Stream, None] = _NO_STREAMS
    """What was begun in it and has not ended."""
    late: Callable[[BaseException | None], Span | None] | None = None
    """Makes a span after all, if what was kept quiet has turned out to be worth one."""
    carried: Carried | None = None
    """The message that is handled, if a context was found in it."""
    chunks: Chunks | None = None
    """Counts what is sent in it, where every turn is metered."""
    metered_by: Streams | None = None
    """Whose sends it counts, and not those of another connection that its code has."""

    def end_streams(self, error: BaseException | None, *, is_cut: bool = False) -> None:
        """End what was left in it, and unless it goes on, what is still open here."""
        for stream in reversed(tuple(self.streams)):  # The innermost is current, and goes first.
            if (stream.is_here and not is_cut) or stream.is_left:
                stream.streams.give_up(stream, error)

    def is_all_of(self, context: Context) -> bool:
        """Tell whether nothing has become current in `context` since it was entered there."""
        return context is self._context and not self.is_cut

    def own(self, stream: Stream) -> None:
        """Take on a stream that was begun in it, in whichever thread."""
        self.__dict__.setdefault("streams", {})[stream] = None

    def disown(self, stream: Stream) -> None:
        """Forget a stream, which has ended."""
        self.__dict__.get("streams", {}).pop(stream, None)


def span_in(context: Context) -> Span:
    """Return the current span of `context`, at less cost than the API's own question."""
    span: Any = context.get(SPAN_KEY)
    return INVALID_SPAN if span is None else span


def with_span(span: Span, context: Context) -> Context:
    """Return `context` with `span` as the current one, at less cost than by the API."""
    return Context({**context, SPAN_KEY: span})


def current_turn() -> Turn | None:
    """Return the turn that has caused the running code, be it still open or not."""
    return turn_in(get_current())


def turn_in(context: Context) -> Turn | None:
    """Return the same of the code that runs in `context`."""
    turn: Turn | None = context.get(_TURN_KEY)  # type: ignore[assignment]
    return turn


def disown(span: Span) -> None:
    """Let nothing of ours grow from `span` any more, though contexts may still hold it.

    A task made during the handshake has copied its context, and may live for hours.
    """
    if span.get_span_context().is_valid:
        _ended.add(span)


def is_settled(span: Span, context: Context) -> bool:
    """Tell whether things may grow from `span`, the current one of `context`, or there is none.

    Asked at every message: a span whose turn is open needs no look at the set.
    """
    if span is INVALID_SPAN:
        return True
    turn: Any = context.get(_TURN_KEY)
    if turn is not None and turn.span is span and turn._context is not None and not turn.is_cut:
        return True
    return span not in _ended


def is_disowned(span: Span) -> bool:
    return span in _ended
