"""Other tracers, set up as their documentation says; what they trace goes nowhere.

Each brings what OpenTelemetry's SDK is to the others. They need not be installed.
"""

from __future__ import annotations

import os
from typing import Any

from .telemetry import Telemetry
from .tracing import Framework, Untraced


class Datadog(Untraced, Telemetry):
    """ddtrace with its messages traced, as by default; it encodes and sends what it has traced."""

    def __init__(self) -> None:
        super().__init__()
        from . import sink

        os.environ["DD_TRACE_AGENT_URL"] = sink.start()
        os.environ["DD_TRACE_WEBSOCKET_MESSAGES_ENABLED"] = "true"
        os.environ["DD_INSTRUMENTATION_TELEMETRY_ENABLED"] = "false"
        os.environ["DD_REMOTE_CONFIGURATION_ENABLED"] = "false"
        import ddtrace.auto  # noqa: F401  # before the framework is imported
        from ddtrace.trace import Span, TraceFilter, tracer

        class Counted(TraceFilter):
            count = 0

            def process_trace(self, trace: list[Span]) -> list[Span]:
                self.count += len(trace)
                return trace

        self._counted = Counted()
        self._tracer = tracer
        tracer.configure(trace_processors=[self._counted])

    def around(self, app: Any, framework: Framework) -> Any:
        if framework == "starlette":
            return app
        from ddtrace.contrib.asgi import TraceMiddleware

        return TraceMiddleware(app)

    def flush(self) -> int:
        self._tracer.flush()
        return self._counted.count


class Logfire(Untraced, Telemetry):
    """Logfire on a batch processor and a periodic metric reader, as the others have them."""

    def __init__(self) -> None:
        super().__init__()
        import logfire
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        from .exporters import CountedSpans, DroppedSpans, metric_reader

        self._exporter = CountedSpans(DroppedSpans())
        self._processor = BatchSpanProcessor(self._exporter)
        self._logfire = logfire.configure(
            send_to_logfire=False,
            console=False,
            additional_span_processors=[self._processor],
            metrics=logfire.MetricsOptions(additional_readers=[metric_reader()]),
        )

    def around(self, app: Any, framework: Framework) -> Any:
        if framework == "channels":
            return self._logfire.instrument_asgi(app, record_send_receive=True)
        self._logfire.instrument_starlette(app, record_send_receive=True)
        return app

    def flush(self) -> int:
        self._processor.force_flush()
        return self._exporter.count


class Sentry(Untraced, Telemetry):
    """Sentry's SDK, which has a transaction for a connection, and no span for a message."""

    def __init__(self) -> None:
        super().__init__()
        import sentry_sdk
        from sentry_sdk.transport import Transport

        class Dropped(Transport):
            count = 0

            def capture_envelope(self, envelope: Any) -> None:
                transactions = (i.payload.json for i in envelope.items if i.type == "transaction")
                Dropped.count += sum(1 + len(each["spans"]) for each in transactions)

        self._dropped = Dropped
        self._sentry = sentry_sdk
        sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", traces_sample_rate=1.0, transport=Dropped)

    def around(self, app: Any, framework: Framework) -> Any:
        if framework == "starlette":
            return app
        from sentry_sdk.integrations.asgi import SentryAsgiMiddleware

        return SentryAsgiMiddleware(app)

    def flush(self) -> int:
        self._sentry.flush()
        return self._dropped.count
