"""FastAPI, which traces WebSockets itself since 0.142."""

from __future__ import annotations

import fastapi
import pytest
from opentelemetry import trace
from opentelemetry.trace import SpanKind

from otel_ws.testing import CapturedSpans
from otel_ws_starlette import TracingMiddleware
from otel_ws_starlette.instrumentor import StarletteInstrumentor

from . import applications
from .applications import ECHOED, TREE, sent

TRACES_ITSELF = tuple(map(int, fastapi.__version__.split(".")[:2])) >= (0, 142)
itself = pytest.mark.skipif(not TRACES_ITSELF, reason="this FastAPI does not trace WebSockets")
BORROWED = """
    WS /room
      fastapi.dependencies
        authenticate
      fastapi.endpoint
        greet
    websocket.open /room -> WS /room
    websocket.receive /room -> WS /room
      query
      websocket.send /room
    websocket.close -> WS /room
"""


def test_around_it_our_spans_are_the_only_ones(spans: CapturedSpans) -> None:
    assert sent(TracingMiddleware(applications.fastapi())) == ECHOED
    assert spans == TREE


def test_inside_of_it_there_is_one_handshake(spans: CapturedSpans, our_log: list[str]) -> None:
    app = applications.fastapi()
    app.add_middleware(TracingMiddleware)
    assert sent(app) == ECHOED
    assert spans == (BORROWED if TRACES_ITSELF else TREE)
    assert len(our_log) == TRACES_ITSELF


@itself
def test_reused_it_is_not_kept_from_tracing_inside_of_us(spans: CapturedSpans) -> None:
    assert sent(TracingMiddleware(applications.fastapi(), neighbours="reuse")) == ECHOED
    handshakes = [span.name for span in spans if span.kind is SpanKind.SERVER]
    assert handshakes == ["GET /room", "WS /room"]


@itself
@pytest.mark.parametrize("instrumented", [False, True], ids=["middleware", "instrumentor"])
def test_without_an_sdk_of_ours_it_is_left_alone(spans: CapturedSpans, instrumented: bool) -> None:
    app = applications.fastapi(telemetry={"tracer_provider": trace.get_tracer_provider()})
    none = trace.NoOpTracerProvider()
    instrumentor = StarletteInstrumentor()
    if instrumented:
        instrumentor.instrument(tracer_provider=none)
    try:
        assert sent(app if instrumented else TracingMiddleware(app, tracer_provider=none)) == ECHOED
    finally:
        instrumentor.uninstrument()
    assert [span.name for span in spans if span.kind is SpanKind.SERVER] == ["WS /room"]


@itself
@pytest.mark.parametrize("inherit_sampling", [True, False])
def test_without_an_sdk_of_ours_its_span_stays_current(
    spans: CapturedSpans, inherit_sampling: bool
) -> None:
    app = applications.fastapi(telemetry={"tracer_provider": trace.get_tracer_provider()})
    settings = {"tracer_provider": trace.NoOpTracerProvider(), "inherit_sampling": inherit_sampling}
    app.add_middleware(TracingMiddleware, **settings)
    assert sent(app) == ECHOED
    (handshake,) = (span for span in spans if span.kind is SpanKind.SERVER)
    (query,) = spans.named("query")
    assert query.context.trace_id == handshake.context.trace_id
