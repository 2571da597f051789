"""The OpenTelemetry SDK as people set it up, but with exporters that drop what they are given.

Over OTLP the exporter of spans is the real one, and what drops them a sink in another process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from opentelemetry.sdk.trace.export import SpanExporter

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
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio

    from .exporters import CountedSpans, metric_reader

    class Started(Telemetry):
        def flush(self) -> int:
            processor.force_flush()
            return exporter.count

    metrics.set_meter_provider(MeterProvider([metric_reader()]))
    exporter = CountedSpans(_exporter(sdk))
    processor = BatchSpanProcessor(exporter)
    provider = TracerProvider(sampler=ParentBasedTraceIdRatio(0.0 if sdk == "unsampled" else 1.0))
    provider.add_span_processor(processor)
    trace.set_tracer_provider(provider)
    return Started()


def _exporter(sdk: Sdk) -> SpanExporter:
    if sdk == "otlp":
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        from . import sink

        return OTLPSpanExporter(f"{sink.start()}/v1/traces")
    from .exporters import DroppedSpans

    return DroppedSpans()
