"""A span that application code runs under, and the context it is current in.

Contexts are restored by setting, never by token: the code that ends a turn may run in another
task than the code that began it, and a token reset there is logged as "Failed to detach context".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Final
from weakref import WeakSet

from opentelemetry.context import Context, attach, create_key, get_current, get_value
from opentelemetry.trace import INVALID_SPAN, Span, get_current_span, set_span_in_context

from ._spans import Spans

if TYPE_CHECKING:
    from ._carriers import Carried
    from ._chunks import Chunks
    from ._streams import Stream

_ended: WeakSet[Span] = WeakSet()
# The key that the API keeps a span under: with it two values go into a context in one copy.
(_SPAN_KEY,) = set_span_in_context(INVALID_SPAN, Context())
NOTHING: Final = Context()
_TURN_KEY: Final = create_key("otel_ws.turn")


class Running:
    """A span that application code runs under; it is found in the context under a key as well."""

    __slots__ = ("_before", "_context", "span", "started")

    _key: ClassVar[str]

    def __init__(self, span: Span, started: int) -> None:
        self.span = span
        self.started = started
        self._before: Context | None = None
        self._context: Context | None = None

    @property
    def is_current(self) -> bool:
        """Tell whether it was entered, and not yet left."""
        return self._context is not None

    def enter(self, before: Context, extra: Context = NOTHING) -> None:
        """Make the span current, and what is `extra`; `before` comes back when it is left."""
        self._before = before
        self._context = Context({**before, **extra, _SPAN_KEY: self.span, self._key: self})
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
            outer = {_SPAN_KEY: get_current_span(before), self._key: before.get(self._key)}
            attach(Context({**current, **outer}))


class Turn(Running):
    """What one handshake, one inbound message or one close causes."""

    __slots__ = ("carried", "chunks", "is_cut", "is_passing", "late", "measure", "spans", "streams")

    _key = _TURN_KEY

    def __init__(self, span: Span, started: int) -> None:
        super().__init__(span, started)
        self.measure: Callable[[Span, str | None], None] | None = None
        """Is told the turn's end: its span, and the type of what failed, if anything did."""
        self.spans: Spans | None = None
        """What ends the span, if not who began it."""
        self.is_cut = False
        """Its span was too old, and has ended before it."""
        self.is_passing = False
        """What was begun under it and outlives it is no part of it."""
        self.streams: dict[Stream, None] = {}
        """What was begun in it and has not ended."""
        self.late: Callable[[BaseException | None], Span | None] | None = None
        """Makes a span after all, if what was kept quiet has turned out to be worth one."""
        self.carried: Carried | None = None
        """The message that is handled, if a context was found in it."""
        self.chunks: Chunks | None = None
        """Counts what is sent in it, where every turn is metered."""

    def end_streams(self, error: BaseException | None, *, is_cut: bool = False) -> None:
        """End what was left in it, and unless it goes on, what is still open here."""
        for stream in reversed(tuple(self.streams)):  # The innermost is current, and goes first.
            if (stream.is_here and not is_cut) or stream.is_left:
                stream.streams.give_up(stream, error)

    def leave(self) -> None:
        if self.is_passing:
            disown(self.span)
        self.carried = None  # A task that was made meanwhile keeps the turn, and not the message.
        super().leave()


def current_turn() -> Turn | None:
    """Return the turn that has caused the running code, be it still open or not."""
    turn = get_value(_TURN_KEY)
    return turn if isinstance(turn, Turn) else None


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
