"""A pytest plugin: whatever a suite serves is instrumented.

PYTHONPATH=tests/zero_code/plugin python -m pytest -p instrumented

The spans go to a provider of their own, so that a suite which looks at spans sees its own; for
the same reason FastAPI keeps its own span of a connection, and ours join it. Or they go nowhere,
as where nobody has set up the SDK.
"""

from __future__ import annotations

import os
from typing import Any

from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider

from otel_ws_channels.instrumentor import ChannelsInstrumentor
from otel_ws_starlette.instrumentor import StarletteInstrumentor

COUNTS = "OTEL_WS_TESTS_COUNTS"
RECORDS = "OTEL_WS_TESTS_RECORDS"


class _Counter(SpanProcessor):
    ended = 0

    def on_end(self, span: Any) -> None:
        self.ended += 1


_counter = _Counter()


def pytest_configure(config: Any) -> None:
    provider = _recording() if os.environ[RECORDS] == "yes" else trace.NoOpTracerProvider()
    for instrumentor in (ChannelsInstrumentor(), StarletteInstrumentor()):
        instrumentor.instrument(tracer_provider=provider, neighbours="reuse")


def _recording() -> TracerProvider:
    provider = TracerProvider()
    provider.add_span_processor(_counter)
    return provider


def pytest_unconfigure(config: Any) -> None:
    """Tell how many spans there were, to whoever has started this: each worker adds its own."""
    with open(os.environ[COUNTS], "a") as file:
        file.write(f"{_counter.ended}\n")
