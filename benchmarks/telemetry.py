"""The OpenTelemetry SDK as people set it up, but with exporters that drop what they are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

Sdk = Literal["none", "sampled", "unsampled", "otlp"]


class Telemetry:
    """No SDK at all."""

    def flush(self) -> int:
        """Export what is queued, and return how many spans have been exported in all."""
        return 0


def start(sdk: Sdk) -> Telemetry:
    """Set up the global providers of this process."""
    return Telemetry() if sdk == "none" else _started(sdk)


def _started(sdk: Sdk) -> Telemetry:
    from opentelemetry import metrics, trace
    from opentelemetry.sdk.metrics import MeterProvider
    from opentelemetry.sdk.metrics.export import (
        MetricExporter,
        MetricExportResult,
        PeriodicExportingMetricReader,
    )
    from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

    class DroppedSpans(SpanExporter):
        count = 0

        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            self.count += len(spans)
            return SpanExportResult.SUCCESS

    class DroppedMetrics(MetricExporter):
        def export(self, *_: Any, **__: Any) -> MetricExportResult:
            return MetricExportResult.SUCCESS

        def force_flush(self, timeout_millis: float = 10_000) -> bool:
            return True

        def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:
            pass

    class Started(Telemetry):
        def flush(self) -> int:
            processor.force_flush()
            return exporter.count

    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(DroppedMetrics())]))
    exporter = DroppedSpans()
    processor = BatchSpanProcessor(exporter)
    provider = TracerProvider(sampler=ParentBasedTraceIdRatio(1.0 if sdk == "sampled" else 0.0))
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    return Started()
