"""The tables of docs/metrics.md: each metric is there, with the attributes that it has."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from channels.exceptions import ChannelFull
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from starlette.testclient import TestClient

from otel_ws import Receive, Scope, Send
from otel_ws._instruments import INSTRUMENTS
from otel_ws.testing import capture_spans
from otel_ws_channels.layers import TracedChannelLayer
from otel_ws_starlette.fanout import MemoryFanout

from .test_docs import codes, rows_of, to_paste
from .test_docs_attributes import Routed, play_channels

HEADING = ("Metric", "Instrument", "Unit", "Level", "Attributes", "Meaning")


def test_every_metric_is_in_the_table() -> None:
    attributes = {row[0]: row[4] for row in rows_of("docs/metrics.md", *HEADING)}
    expected = [
        [name, each.kind, f"`{each.unit}`", each.level, attributes.get(name, "?"), each.says]
        for each in INSTRUMENTS
        for name in [f"`{each.name}`"]
    ]
    assert rows_of("docs/metrics.md", *HEADING) == expected, to_paste(expected)


def test_the_buckets_are_in_the_table() -> None:
    expected = defaultdict(list)
    for each in INSTRUMENTS:
        if each.buckets:
            expected[" ".join(f"{bound:.10g}" for bound in each.buckets)].append(f"`{each.name}`")
    rows = [[", ".join(names), bounds] for bounds, names in expected.items()]
    assert rows_of("docs/metrics.md", "Metric", "Buckets") == rows, to_paste(rows)


# --- what is exported ---------------------------------------------------------------------------


async def crash(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    if scope["path"] == "/early":
        raise LookupError("a bug of the application")
    await send({"type": "websocket.accept"})
    await receive()
    await send({"type": "websocket.send", "text": "Hello"})
    raise LookupError("a bug of the application")


def play_plain(provider: MeterProvider) -> None:
    client = TestClient(Routed(crash, meter_provider=provider, metrics="message"))
    for path in ("/early", "/late"):
        with suppress(LookupError), client.websocket_connect(path) as websocket:
            websocket.send_text("Hello")
            websocket.receive_text()


async def play_losses() -> None:
    layer = TracedChannelLayer("channels.layers.InMemoryChannelLayer", capacity=1)
    await layer.send("worker", {"type": "job"})
    with suppress(ChannelFull):
        await layer.send("worker", {"type": "job"})


async def play_broken_handler(provider: MeterProvider) -> None:
    fanout = MemoryFanout(meter_provider=provider, metrics="message")
    with suppress(LookupError):
        async with fanout.subscribe("room") as events:
            await fanout.publish("room", {"type": "said"})
            async for _ in events:
                raise LookupError("a bug of the application")


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept"})
    with suppress(LookupError):
        await send({"type": "websocket.send", "text": "Hello"})


async def play_refused_send(provider: MeterProvider) -> None:
    """Send through a server that refuses it for a reason of its own."""
    messages = iter([{"type": "websocket.connect"}])

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        if message["type"] == "websocket.send":
            raise LookupError("a bug of the server")

    app = Routed(refuse, meter_provider=provider, metrics="message")
    scope = {"type": "websocket", "path": "/", "headers": [], "query_string": b""}
    await app(scope, receive, send)


@pytest.fixture
async def exported(settings: Any, our_log: list[str]) -> dict[str, set[str]]:
    """The names of the attributes that each metric is exported with."""
    reader = InMemoryMetricReader()
    provider = MeterProvider(metric_readers=[reader])
    settings.OTEL_WS_METER_PROVIDER = provider
    settings.OTEL_WS_METRICS = "message"
    settings.OTEL_WS_DESTINATION_TEMPLATE = lambda name: "room"
    with capture_spans():
        await asyncio.to_thread(play_plain, provider)
        await play_refused_send(provider)
        await play_broken_handler(provider)
        await play_channels("session")
        await play_losses()
    assert our_log == []  # who sends into a full channel is told by the layer
    found: dict[str, set[str]] = defaultdict(set)
    for name, attributes in _points(reader):
        found[name] |= attributes
    return found


def _points(reader: InMemoryMetricReader) -> Iterator[tuple[str, set[str]]]:
    data = reader.get_metrics_data()
    assert data is not None
    for metric in data.resource_metrics[0].scope_metrics[0].metrics:
        for point in metric.data.data_points:
            yield metric.name, set(point.attributes or {})


async def test_a_metric_has_the_attributes_of_the_table(exported: dict[str, set[str]]) -> None:
    rows = rows_of("docs/metrics.md", *HEADING)
    assert exported == {codes(row[0])[0]: set(codes(row[4])) for row in rows}
