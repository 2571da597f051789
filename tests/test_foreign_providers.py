"""Providers that are not the SDK's: all that is asked of them is to be providers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from opentelemetry.metrics import Meter, MeterProvider
from opentelemetry.sdk.metrics import MeterProvider as SDKMeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider as SDKTracerProvider
from opentelemetry.trace import Tracer, TracerProvider

from otel_ws import asgi
from otel_ws.testing import capture_spans

from .playing import echo, play


@dataclass
class Spans(TracerProvider):
    """As Logfire's: equal ones are equal, and so it has no hash."""

    provider: SDKTracerProvider

    def get_tracer(self, *arguments: Any, **more: Any) -> Tracer:
        return self.provider.get_tracer(*arguments, **more)


@dataclass
class Metrics(MeterProvider):
    provider: SDKMeterProvider

    def get_meter(self, *arguments: Any, **more: Any) -> Meter:
        return self.provider.get_meter(*arguments, **more)


def test_providers_need_no_hash() -> None:
    tracing, reader = SDKTracerProvider(), InMemoryMetricReader()
    spans, metrics = Spans(tracing), Metrics(SDKMeterProvider([reader]))
    with pytest.raises(TypeError):
        hash(spans)
    with capture_spans(tracing) as captured:
        play(asgi.TracingMiddleware(echo, tracer_provider=spans, meter_provider=metrics))
    assert captured[0].name == "GET"
    assert len(captured) == 5
    assert reader.get_metrics_data() is not None
