"""The metrics of a run in which everything happens, as real receivers have them.

Over OTLP, and scraped by Prometheus' own parser from Prometheus' own server.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.request import Request, urlopen

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from testproject.otlp import OTLPReceiver

NEVER = float("inf")


def otlp_reader(receiver: OTLPReceiver) -> MetricReader:
    """Return a reader that exports to a receiver when it is flushed."""
    exporter = OTLPMetricExporter(f"{receiver.endpoint}/v1/metrics")
    return PeriodicExportingMetricReader(exporter, export_interval_millis=NEVER)


@dataclass
class Family:
    """A metric as Prometheus has it."""

    kind: str
    says: str
    samples: set[str] = field(default_factory=set)
    """The names of its samples: of a histogram three."""
    labels: dict[str, set[str]] = field(default_factory=dict)
    """Its labels that are not empty somewhere, and their values."""


def scraped(url: str, accept: str = "text/plain") -> dict[str, Family]:
    """Scrape an endpoint over HTTP; return what is there of ours, by its name."""
    with urlopen(Request(url, headers={"Accept": accept}), timeout=10) as response:
        text = response.read().decode()
    parse: Any = text_string_to_metric_families
    if accept.startswith("application/openmetrics-text"):
        parse = openmetrics.text_string_to_metric_families
    found: dict[str, Family] = {}
    for each in parse(text):
        if each.name.startswith(("websocket_", "messaging_")):
            family = found.setdefault(each.name, Family(each.type, each.documentation))
            for sample in each.samples:
                family.samples.add(sample.name)
                for label, value in sample.labels.items():
                    if value:
                        family.labels.setdefault(label, set()).add(value)
    return found


@contextmanager
def serving(registry: CollectorRegistry) -> Iterator[str]:
    """Serve a registry as an application does that Prometheus scrapes; yield the address."""
    server, thread = start_http_server(0, addr="127.0.0.1", registry=registry)
    try:
        yield f"http://127.0.0.1:{server.server_port}/metrics"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
