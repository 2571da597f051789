"""Where the spans of the test project go: to a collector, or as trees to the terminal."""

from __future__ import annotations

import os
import sys
from collections import deque
from dataclasses import dataclass, field

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import ReadableSpan, Span, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from .trees import SESSION_ID, is_end, render

# The last spans only: the terminal of somebody who chats all day is not a database.
_KEPT = 500
# The demo's terminal, which prints what a collector gets.
PRINTER_ENDPOINT = "DEMO_PRINTER_ENDPOINT"
OTLP_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def configure(service_name: str) -> None:
    """Install a tracer provider. Called once, where the process begins."""
    name = os.environ.get("OTEL_SERVICE_NAME", service_name)
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}))
    if any(map(os.environ.get, OTLP_ENDPOINTS)):
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    else:
        provider.add_span_processor(TreePrinter())
    if printer := os.environ.get(PRINTER_ENDPOINT):
        exporter = OTLPSpanExporter(endpoint=f"{printer}/v1/traces")
        provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


@dataclass
class _Connection:
    ended: deque[ReadableSpan] = field(default_factory=deque)
    running: int = 0
    closed: bool = False


class TreePrinter(SpanProcessor):
    """Print what belongs to a WebSocket connection as a tree, once that is closed."""

    def __init__(self) -> None:
        self._connections: dict[str, _Connection] = {}
        self._owners: dict[int, _Connection] = {}  # by the id of a span

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        connection = self._find(span)
        if connection is not None:
            connection.running += 1
            self._owners[span.context.span_id] = connection

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True

    def on_end(self, span: ReadableSpan) -> None:
        connection = self._owners.get(span.context.span_id)
        if connection is None:
            return
        connection.ended.append(span)
        connection.running -= 1
        connection.closed |= is_end(span)
        if len(connection.ended) > _KEPT:
            self._owners.pop(connection.ended.popleft().context.span_id, None)
        if connection.closed and not connection.running:
            self._forget(connection)
            print(render(connection.ended), end="\n\n", file=sys.stdout, flush=True)

    def _find(self, span: Span) -> _Connection | None:
        # A span of the application carries no session id, and what becomes of a message at
        # somebody else carries theirs: where the parent went, the child goes too.
        owner = self._owners.get(span.parent.span_id) if span.parent else None
        session = (span.attributes or {}).get(SESSION_ID)
        if owner is not None or not isinstance(session, str):
            return owner
        if span.kind is trace.SpanKind.SERVER:
            self._connections[session] = _Connection()
        return self._connections.get(session)

    def _forget(self, connection: _Connection) -> None:
        for span in connection.ended:
            self._owners.pop(span.context.span_id, None)
        for session in [key for key, value in self._connections.items() if value is connection]:
            del self._connections[session]
