"""Every metric, exported and read back: over OTLP by a receiver, by a Prometheus scrape."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import pytest
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import REGISTRY

from otel_ws._instruments import INSTRUMENTS, Instrument
from otel_ws._semconv import SCHEMA_URL
from otel_ws.testing import CapturedSpans
from testproject.dashboards import names
from testproject.otlp import OTLPReceiver, ReceivedMetric

from .exported import Family, otlp_reader, scraped, serving
from .measured import everything
from .test_docs import codes, rows_of
from .test_docs_metrics import HEADING


def release(package: str) -> tuple[int, ...]:
    return tuple(map(int, version(package).split("b")[0].split(".")[:2]))


HAS_WHOLE_LABELS = release("opentelemetry-exporter-prometheus") >= (0, 61)
"""Older ones mix up the labels of points that do not all have the same."""
HAS_WHOLE_METRICS = release("opentelemetry-sdk") >= (1, 32)
"""Older exporters for OTLP have their own buckets, and no schema."""
ATTRIBUTES = {codes(row[0])[0]: set(codes(row[4])) for row in rows_of("docs/metrics.md", *HEADING)}
OTLP_KINDS = {
    "histogram": "histogram",
    "observable counter": "counter",
    "up-down counter": "sum",
}
PROMETHEUS_KINDS = {
    "histogram": ("histogram", {"_bucket", "_count", "_sum"}),
    "observable counter": ("counter", {""}),
    "up-down counter": ("gauge", {""}),
}


@pytest.fixture(params=["text/plain", "application/openmetrics-text; version=1.0.0"])
async def scrape(
    request: Any, settings: Any, spans: CapturedSpans, our_log: list[str]
) -> dict[str, Family]:
    provider = MeterProvider(metric_readers=[PrometheusMetricReader()])
    await everything(settings, provider, "message")
    with serving(REGISTRY) as url:
        found = scraped(url, request.param)
    provider.shutdown()
    return found


@pytest.mark.skipif(not HAS_WHOLE_LABELS, reason="this exporter mixes up labels")
async def test_a_scrape_has_every_metric_with_its_labels(scrape: dict[str, Family]) -> None:
    expected = {}
    for each in INSTRUMENTS:
        kind, suffixes = PROMETHEUS_KINDS[each.kind]
        name = names.metric(each)
        expected[name.removesuffix("_total")] = Family(
            kind,
            each.says,
            {name + suffix for suffix in suffixes},
            {names.label(attribute) for attribute in ATTRIBUTES[each.name]},  # type: ignore[arg-type]
        )
    for family in scrape.values():
        family.labels = {  # type: ignore[assignment]
            label for label in family.labels if label != "le" and not label.startswith("otel_")
        }
        family.samples = {name for name in family.samples if not name.endswith("_created")}
    assert scrape == expected


@pytest.fixture
async def received(
    settings: Any, spans: CapturedSpans, our_log: list[str]
) -> dict[str, ReceivedMetric]:
    with OTLPReceiver() as receiver:
        provider = MeterProvider(metric_readers=[otlp_reader(receiver)])
        await everything(settings, provider, "message")
        provider.force_flush()
        provider.shutdown()
        return {metric.name: metric for metric in receiver.metrics}


async def test_a_collector_receives_every_metric(
    received: dict[str, ReceivedMetric], spans: CapturedSpans
) -> None:
    assert {name: _seen(metric) for name, metric in received.items()} == {
        each.name: _expected(each, received[each.name]) for each in INSTRUMENTS
    }
    ours = {(span.context.trace_id, span.context.span_id) for span in spans}
    for each in INSTRUMENTS:
        metric = received[each.name]
        assert metric.instrumentation_scope.name == "otel_ws"
        assert metric.instrumentation_scope.schema_url == (SCHEMA_URL if HAS_WHOLE_METRICS else "")
        pointed = {exemplar for point in metric.points for exemplar in point.exemplars}
        if each.kind == "histogram":
            assert pointed
            assert pointed <= ours


def _seen(metric: ReceivedMetric) -> tuple[Any, ...]:
    attributes = {name for point in metric.points for name in point.attributes}
    bounds = {point.bounds for point in metric.points}
    return metric.kind, metric.unit, metric.description, attributes, bounds


def _expected(each: Instrument, metric: ReceivedMetric) -> tuple[Any, ...]:
    bounds = {tuple(map(float, each.buckets or ()))}
    if not HAS_WHOLE_METRICS:
        bounds = {point.bounds for point in metric.points}
    return OTLP_KINDS[each.kind], each.unit, each.says, ATTRIBUTES[each.name], bounds
