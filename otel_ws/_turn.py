"""A span that application code runs under, and the context it is current in.

Contexts are restored by setting, never by token: the code that ends a turn may run in another
task than the code that began it, and a token reset there is logged as "Failed to detach context".
"""

from __future__ import annotations

from collections.abc import Callable
from weakref import WeakSet

from opentelemetry.context import Context, attach, get_current
from opentelemetry.trace import Span, get_current_span, set_span_in_context

from ._spans import Spans

_ended: WeakSet[Span] = WeakSet()


class Turn:
    """What one handshake, one inbound message or one close causes."""

    __slots__ = ("_before", "_context", "is_passing", "measure", "span", "spans", "started")

    def __init__(self, span: Span, started: int) -> None:
        self.span = span
        self.started = started
        self.measure: Callable[[str | None], None] | None = None
        """Is told the turn's end, and the type of what failed, if anything did."""
        self.spans: Spans | None = None
        """What ends the span, if not who began it."""
        self.is_passing = False
        """What was begun under it and outlives it is no part of it."""
        self._before: Context | None = None
        self._context: Context | None = None

    def enter(self, before: Context) -> None:
        """Make the span current; `before` is what comes back when the turn is left."""
        self._before = before
        self._context = set_span_in_context(self.span, before)
        attach(self._context)

    def leave(self) -> None:
        """Take the span from the current context, if it is there, and nothing else with it."""
        if self.is_passing:
            disown(self.span)
        if self._before is None:
            return
        current = get_current()
        if current is self._context:
            attach(self._before)
        elif get_current_span(current) is self.span:
            attach(set_span_in_context(get_current_span(self._before), current))


def disown(span: Span) -> None:
    """Let nothing of ours grow from `span` any more, though contexts may still hold it.

    A task made during the handshake has copied its context, and may live for hours.
    """
    if span.get_span_context().is_valid:
        _ended.add(span)


def is_disowned(span: Span) -> bool:
    return span in _ended
