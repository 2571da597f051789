"""The two tracing models, as data: what the spans of a connection grow from once it is accepted.

Nothing else asks which model is in force. In `session` the trunk has no span, so that every
message becomes a trace of its own, and each of those links to the handshake.
In `connection` the trunk is one span, and what grows from it needs no link; where that would last
too long, it is one after the other, chained by links.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Link, Span, SpanKind, set_span_in_context

from . import _semconv as names
from ._config import Config
from ._spans import Spans


@dataclass(frozen=True, slots=True)
class Trunk:
    """What the spans of an accepted connection grow from."""

    span: Span
    context: Context
    links: tuple[Link, ...] = ()

    @property
    def is_span(self) -> bool:
        """Tell whether the connection itself is a span, to be ended with it."""
        return self.span is not INVALID_SPAN


# One for all connections, and in the form that the SDK makes of it: nobody can change it.
_ATTRIBUTES: Final = {
    kind: BoundedAttributes(attributes={names.LINK_TYPE: kind})
    for kind in (names.LINK_HANDSHAKE, names.LINK_MESSAGE, names.LINK_PREVIOUS)
}


def grow_trunk(spans: Spans, config: Config, handshake: Span, base: Context) -> Trunk:
    """Begin what the connection is by its model."""
    if config.model == "session":
        return Trunk(INVALID_SPAN, set_span_in_context(INVALID_SPAN, base), links_to(handshake))
    parent = set_span_in_context(handshake, base)
    name = spans.named(names.SPAN_CONNECTION)
    span = spans.start(name, SpanKind.INTERNAL, parent)
    return Trunk(span, set_span_in_context(span, base))


def links_to(span: Span, kind: str = names.LINK_HANDSHAKE) -> tuple[Link, ...]:
    context = span.get_span_context()
    return (Link(context, _ATTRIBUTES[kind]),) if context.is_valid else ()


class Rollover:
    """Says when a connection's span gives way to the next, and makes that.

    Each is the root of a trace of its own, with links to the one before and to the handshake.
    """

    def __init__(
        self, spans: Spans, config: Config, handshake: Span, clock: Callable[[], int]
    ) -> None:
        self._spans = spans
        self._seconds = config.rollover_seconds
        self._messages = config.rollover_messages
        self._handshake = links_to(handshake)
        self._clock = clock
        self._since = clock()
        self._count = 0
        self._segment = 1

    def is_due(self, count: int) -> bool:
        """Tell whether the span is old enough; `count` messages were received up to now."""
        if self._messages is not None and count - self._count >= self._messages:
            return True
        age = (self._clock() - self._since) / 1e9
        return self._seconds is not None and age >= self._seconds

    def next(self, trunk: Trunk, count: int) -> Trunk:
        """Return what follows `trunk`, which is the caller's to end."""
        self._since, self._count = self._clock(), count
        self._segment += 1
        context = set_span_in_context(INVALID_SPAN, trunk.context)
        links = (*links_to(trunk.span, names.LINK_PREVIOUS), *self._handshake)
        name = self._spans.named(names.SPAN_CONNECTION)
        segment = {names.CONNECTION_SEGMENT: self._segment}
        span = self._spans.start(name, SpanKind.INTERNAL, context, links, segment)
        return Trunk(span, set_span_in_context(span, context))


def rollover_of(
    spans: Spans, config: Config, handshake: Span, clock: Callable[[], int]
) -> Rollover | None:
    """Return what the settings want of a connection's span, if there is one to roll over."""
    is_wanted = config.rollover_seconds is not None or config.rollover_messages is not None
    if config.model != "connection" or not is_wanted:
        return None
    return Rollover(spans, config, handshake, clock)
