"""Processors that put the session's id on the application's own spans and log records.

    tracer_provider.add_span_processor(SessionSpanProcessor())
    logger_provider.add_log_record_processor(SessionLogProcessor())

What happens for a connection can then be found by ``websocket.session.id``, whoever recorded it.
The id is taken from the Context, which tasks and threads inherit, and never from baggage, which a
client may have written. Needs ``opentelemetry-sdk``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opentelemetry.attributes import BoundedAttributes
from opentelemetry.context import Context
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.trace import Span, SpanProcessor

from . import _semconv as names
from ._log import shielded
from ._session import session_id

if TYPE_CHECKING:
    from opentelemetry.sdk._logs import ReadWriteLogRecord

__all__ = ["SessionLogProcessor", "SessionSpanProcessor"]


class SessionSpanProcessor(SpanProcessor):
    """Put ``websocket.session.id`` on every span that is started in the Context of a connection.

    A span that has one keeps it: ours, and one that the application set itself.
    Never raises. Where it stands among the processors of a provider does not matter.
    """

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        _mark_span(span, parent_context)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Return True: nothing is held back. None, as from older bases, would end the flush."""
        return True


class SessionLogProcessor(LogRecordProcessor):
    """Put ``websocket.session.id`` on every log record that is made in the Context of a connection.

    A record that has one keeps it. Never raises.
    Add it before the processor that exports: processors are called in their order.
    """

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        _mark_record(log_record)

    def emit(self, log_data: Any) -> None:
        """Do what `on_emit` does, which older versions of the SDK call by this name."""
        _mark_record(log_data)

    def enabled(self, **_: Any) -> bool:
        """Return False: this emits nothing, and lets the processors that do have the say."""
        return False

    def shutdown(self) -> None:
        """Do nothing: nothing is held."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Return True: nothing is held back."""
        return True


@shielded
def _mark_span(span: Span, context: Context | None) -> None:
    session = session_id(context)
    if session is not None and names.SESSION_ID not in (span.attributes or ()):
        span.set_attribute(names.SESSION_ID, session)


@shielded
def _mark_record(emitted: Any) -> None:
    """Mark a record by the Context that it was made in; older versions do not keep that."""
    record = emitted.log_record
    session = session_id(getattr(record, "context", None))
    attributes = record.attributes
    if session is None or names.SESSION_ID in (attributes or ()):
        return
    if isinstance(attributes, BoundedAttributes):
        attributes[names.SESSION_ID] = session
    else:  # The caller's own mapping, which other records may share.
        record.attributes = {**(attributes or {}), names.SESSION_ID: session}
