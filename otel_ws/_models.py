"""The two tracing models, as data: what the spans of a connection grow from once it is accepted.

Nothing else asks which model is in force. In `session` the trunk has no span, so that every
message becomes a trace of its own, and each of those links to the handshake.
In `connection` the trunk is one span, and what grows from it needs no link.
"""

from __future__ import annotations

from dataclasses import dataclass

from opentelemetry.context import Context
from opentelemetry.trace import INVALID_SPAN, Link, Span, set_span_in_context

from . import _semconv as names


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


def session_trunk(handshake: Span, base: Context) -> Trunk:
    """Let every message be a root that links to the handshake."""
    context = handshake.get_span_context()
    link = Link(context, {names.LINK_TYPE: names.LINK_HANDSHAKE})
    links = (link,) if context.is_valid else ()
    return Trunk(INVALID_SPAN, set_span_in_context(INVALID_SPAN, base), links)


def connection_trunk(connection: Span, base: Context) -> Trunk:
    """Let every message be a child of the connection's span."""
    return Trunk(connection, set_span_in_context(connection, base))
