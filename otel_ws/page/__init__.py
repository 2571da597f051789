"""The trace page: sessions, traces and streams, looked at in a browser while they happen.

    provider.add_span_processor(PageSpanProcessor())
    app = Starlette(routes=[..., Mount("/traces", TracePage())])

Nothing is kept and nothing is served unless somebody asks for it in this way.
Needs the extra ``page``: ``opentelemetry-sdk``, and ``opentelemetry-proto`` for what other
processes send. ``python -m otel_ws page`` serves it on its own, for any number of processes.
"""

from __future__ import annotations

from ._app import TracePage
from ._buffer import SpanBuffer
from ._processor import PageSpanProcessor

__all__ = ["PageSpanProcessor", "SpanBuffer", "TracePage"]
