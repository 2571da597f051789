"""An exemplar of a metric leads to the span that was measured, and so to its trace."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from opentelemetry.sdk.metrics import AlwaysOnExemplarFilter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_ws._instruments import INSTRUMENTS
from otel_ws.testing import CapturedSpans

from .clocked import Clocked
from .measured import Metrics, everything

CHUNK = "websocket.stream"  # has no span of its own
LEADS_TO = {
    "websocket.server.connection.duration": {"websocket.close"},
    "websocket.server.handshake.duration": {"GET"},
    "websocket.server.message.process.duration": {"websocket.receive"},
    "websocket.server.message.send.duration": {"websocket.send", CHUNK},
    "websocket.server.message.dispatch_wait": {"websocket.receive"},
    "websocket.server.message.size": {"websocket.receive", "websocket.send", CHUNK},
    "messaging.client.operation.duration": {"group_send", "send", "publish"},
    "messaging.process.duration": {"process"},
    "websocket.layer.delivery.duration": {"process"},
}
HISTOGRAMS = {each.name for each in INSTRUMENTS if each.kind == "histogram"}
LEADS_TO |= {name: {CHUNK} for name in HISTOGRAMS if ".stream." in name}


def test_every_histogram_is_expected_to_lead_somewhere() -> None:
    assert LEADS_TO.keys() == HISTOGRAMS


def exemplars(metrics: Metrics) -> dict[str, set[tuple[int, int]]]:
    """Return the trace and the span of each exemplar, by the metric's name."""
    found: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for name, point in metrics.points():
        for each in getattr(point, "exemplars", ()):
            found[name].add((each.trace_id, each.span_id))
    return found


@pytest.mark.parametrize("filtered", [{}, {"exemplar_filter": AlwaysOnExemplarFilter()}])
async def test_every_record_points_at_its_span(
    filtered: Any, settings: Any, spans: CapturedSpans, our_log: list[str]
) -> None:
    """With the filter that a provider has by default, and with one that takes everything."""
    metrics = Metrics(**filtered)
    await everything(settings, metrics.provider, "message")
    ours = {(span.context.trace_id, span.context.span_id): span.name for span in spans}
    found = {
        name: {ours.get(each, "not a span").partition(" ")[0] for each in pointed}
        for name, pointed in exemplars(metrics).items()
        if name in HISTOGRAMS
    }
    if filtered:
        found = {name: names - {"not a span"} for name, names in found.items()}
    for name, names in LEADS_TO.items():
        assert found[name], name
        assert found[name] <= names, name


def test_a_slow_message_leads_to_the_span_that_it_got_after_all(spans: CapturedSpans) -> None:
    metrics = Metrics()
    client = Clocked(
        excluded_messages=lambda *_: True,
        slow_message=1,
        meter_provider=metrics.provider,
        metrics="message",
    )
    client.hear("slow")
    client.clock.forward(2)
    client.hear("quick").leave()
    [late] = spans.named("websocket.receive")
    pointed = exemplars(metrics)["websocket.server.message.process.duration"]
    assert pointed == {(late.context.trace_id, late.context.span_id)}


def test_what_is_not_sampled_has_no_exemplar() -> None:
    metrics = Metrics()
    client = Clocked(
        tracer_provider=TracerProvider(sampler=ALWAYS_OFF),
        meter_provider=metrics.provider,
        metrics="message",
    )
    client.hear("hello").say("hello")
    client.leave()
    assert metrics.read()["websocket.server.message.process.duration"]
    assert not exemplars(metrics)
