"""What hands the spans of this process to the page."""

from __future__ import annotations

from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from .._log import shielded
from ._buffer import DEFAULT, SpanBuffer
from ._own import is_own_work

__all__ = ["PageSpanProcessor"]


class PageSpanProcessor(SpanProcessor):
    """Keep the sampled spans of a provider for the trace page. Never raises, and never waits."""

    def __init__(self, buffer: SpanBuffer | None = None) -> None:
        self.buffer = DEFAULT if buffer is None else buffer

    def on_end(self, span: ReadableSpan) -> None:
        _keep(self.buffer, span)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Return True: nothing is held back. None, as from older bases, would end the flush."""
        return True


@shielded
def _keep(buffer: SpanBuffer, span: ReadableSpan) -> None:
    context = span.get_span_context()
    if context is not None and context.trace_flags.sampled and not is_own_work():
        buffer.add((span,))
