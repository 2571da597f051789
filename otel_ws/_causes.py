"""What the running code belongs to, wherever it runs."""

from __future__ import annotations

from opentelemetry.context import get_current
from opentelemetry.trace import INVALID_SPAN, get_current_span, set_span_in_context

from ._session import Session
from ._spans import Spans
from ._streams import Parent
from ._turn import is_settled


def cause(session: Session | None) -> Parent:
    """Return what grows from the running code: its span, unless nothing may grow from that."""
    current = get_current()
    if is_settled(get_current_span(current), current):
        return current, ()
    connection = session.connection if session else None
    parent = connection.parent() if connection else None
    return parent or (set_span_in_context(INVALID_SPAN, current), ())


def spans_of(session: Session | None) -> Spans | None:
    """Return what the session's connection ends its spans with: an error is recorded once."""
    connection = session.connection if session and session.is_traced else None
    return connection.frame.spans if connection else None
