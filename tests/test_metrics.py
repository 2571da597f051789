"""Metrics: what is exported at each level, with which attributes, and of whom."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
from channels.layers import channel_layers
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from otel_ws._instruments import INSTRUMENTS
from otel_ws.testing import CapturedSpans
from otel_ws_channels import TracedConsumer
from otel_ws_channels.layers import TracedChannelLayer
from otel_ws_starlette import TracingMiddleware
from otel_ws_starlette.fanout import MemoryFanout

from .drivers.say import converse
from .drivers.script import Hear, Leave, Say
from .test_channels import application as channels_application
from .test_starlette import Echo

ROUTE = {"http.route": "/room"}
CONNECTION = {**ROUTE, "url.scheme": "ws"}


class Metrics:
    """A meter provider, and what it exports."""

    def __init__(self) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider(metric_readers=[self.reader])

    def read(self) -> dict[str, list[tuple[dict[str, Any], Any]]]:
        """Return the points of each metric: their attributes, and their value or count."""
        data = self.reader.get_metrics_data()
        found = data.resource_metrics[0].scope_metrics if data else []
        return {
            metric.name: [
                (dict(point.attributes), getattr(point, "count", getattr(point, "value", None)))
                for point in metric.data.data_points
            ]
            for scope in found
            if scope.scope.name == "otel_ws"
            for metric in scope.metrics
        }


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def _application(to: Metrics, **settings: Any) -> TracingMiddleware:
    app = Starlette(routes=[WebSocketRoute("/room", Echo)])
    return TracingMiddleware(app, meter_provider=to.provider, **settings)


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("model", ["session", "connection"])
async def test_at_the_default_level_connections_are_measured_and_messages_counted(
    model: Any, sampled: bool, metrics: Metrics
) -> None:
    tracer_provider = TracerProvider() if sampled else TracerProvider(sampler=ALWAYS_OFF)
    app = _application(metrics, model=model, tracer_provider=tracer_provider)
    await converse(app, Say("one"), Hear("one"), Say("two"), Hear("two"), Leave(1001))
    assert metrics.read() == {
        "websocket.server.connection.active": [(CONNECTION, 0)],
        "websocket.server.connection.duration": [
            ({**CONNECTION, "websocket.close.status": "going_away"}, 1)
        ],
        "websocket.server.handshake.duration": [
            ({**CONNECTION, "http.response.status_code": 101}, 1)
        ],
        "websocket.server.messages": [
            (
                {
                    **ROUTE,
                    "websocket.message.direction": direction,
                    "websocket.message.type": "text",
                },
                2,
            )
            for direction in ("received", "sent")
        ],
    }


@pytest.mark.parametrize("sampled", [True, False])
async def test_at_the_message_level_each_message_is_measured(
    sampled: bool, metrics: Metrics
) -> None:
    tracer_provider = TracerProvider() if sampled else TracerProvider(sampler=ALWAYS_OFF)
    await converse(_application(metrics, metrics="message", tracer_provider=tracer_provider))
    read = metrics.read()
    text = {**ROUTE, "websocket.message.type": "text"}
    assert read["websocket.server.message.process.duration"] == [(text, 1)]
    assert read["websocket.server.message.send.duration"] == [(text, 1)]
    assert read["websocket.server.message.size"] == [
        ({**text, "websocket.message.direction": direction}, 1)
        for direction in ("received", "sent")
    ]


async def test_nothing_is_measured_when_metrics_are_off(metrics: Metrics) -> None:
    await converse(_application(metrics, metrics="off"))
    assert metrics.read() == {}


async def test_an_open_connection_is_active(metrics: Metrics) -> None:
    app = _application(metrics)
    seen: list[Any] = []

    class Watching(Echo):
        async def on_receive(self, websocket: Any, data: str) -> None:
            seen.append(metrics.read()["websocket.server.connection.active"])
            await super().on_receive(websocket, data)

    app.app.routes[0] = WebSocketRoute("/room", Watching)  # type: ignore[attr-defined]
    app.app.router.routes[:] = [WebSocketRoute("/room", Watching)]  # type: ignore[attr-defined]
    await asyncio.gather(converse(app), converse(app))
    assert max(points[0][1] for points in seen) >= 1
    assert metrics.read()["websocket.server.connection.active"] == [(CONNECTION, 0)]


async def test_a_failed_handshake_is_measured_with_its_error(metrics: Metrics) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        raise LookupError("a bug of the application")

    from otel_ws.asgi import TracingMiddleware as Middleware

    with pytest.raises(LookupError):
        await converse(Middleware(app, meter_provider=metrics.provider))
    assert metrics.read() == {
        "websocket.server.handshake.duration": [
            ({"url.scheme": "ws", "error.type": "LookupError"}, 1)
        ]
    }


async def test_what_a_client_chooses_makes_no_series(metrics: Metrics) -> None:
    app = _application(metrics)
    for code in (1000, 3000, 3001, 4000, 4999, None, 12345):
        await converse(app, Leave(code))
    for number in range(20):
        await converse(app, Leave(1006), path=f"/no/such/path/{number}")
    read = metrics.read()
    statuses = {
        a["websocket.close.status"] for a, _ in read["websocket.server.connection.duration"]
    }
    assert statuses == {"normal_closure", "application", "no_status"}
    assert [a for a, _ in read["websocket.server.handshake.duration"]] == [
        {**CONNECTION, "http.response.status_code": 101},
        {"url.scheme": "ws", "http.response.status_code": 403},
    ]


async def test_a_record_points_at_its_span() -> None:
    metrics, tracer_provider = Metrics(), TracerProvider()
    app = _application(metrics, metrics="message", tracer_provider=tracer_provider)
    await converse(app)
    data = metrics.reader.get_metrics_data()
    histograms = {
        metric.name: metric.data.data_points
        for metric in data.resource_metrics[0].scope_metrics[0].metrics
        if metric.name.endswith("duration")
    }
    assert len(histograms) == 4
    for points in histograms.values():
        assert points[0].exemplars[0].trace_id


@pytest.mark.parametrize("instrument", INSTRUMENTS, ids=lambda each: each.name)
def test_buckets_ascend_and_units_are_those_of_the_conventions(instrument: Any) -> None:
    assert instrument.unit in {"s", "By", "{connection}", "{message}", "{chunk}"}
    assert (instrument.buckets is not None) == (instrument.kind == "histogram")
    if instrument.buckets:
        assert list(instrument.buckets) == sorted(set(instrument.buckets))


async def test_events_are_counted_and_losses_as_far_as_they_are_known(
    settings: Any, metrics: Metrics, our_log: list[str], spans: CapturedSpans
) -> None:
    settings.OTEL_WS_METER_PROVIDER = metrics.provider
    settings.OTEL_WS_METRICS = "message"
    settings.OTEL_WS_DESTINATION_TEMPLATE = lambda name: name.partition(".")[0]
    unread = [(re.compile("nobody"), 2)]
    layer = TracedChannelLayer("channels.layers.InMemoryChannelLayer", channel_capacity=unread)
    channel_layers.set("default", layer)

    class Room(TracedConsumer):
        groups = ("room.1",)

        async def room_said(self, event: Any) -> None:
            await self.send(event["text"])

    playing = asyncio.create_task(converse(channels_application(Room), Hear("hi"), Leave()))
    while not layer.groups.get("room.1"):
        await asyncio.sleep(0)
    await layer.group_add("room.1", "nobody.reads")
    for _ in range(4):
        await layer.group_send("room.1", {"type": "room.said", "text": "hi"})
    await playing
    channel_layers.backends.clear()
    read = metrics.read()
    system = {"messaging.system": "django.channels"}
    sent = {
        **system,
        "messaging.operation.name": "group_send",
        "messaging.destination.template": "room",
    }
    processed = {**system, "messaging.operation.name": "process"}
    assert read["messaging.client.sent.messages"] == [(sent, 4)]
    assert read["messaging.client.operation.duration"] == [(sent, 4)]
    assert [a for a, _ in read["messaging.client.consumed.messages"]] == [processed]
    assert [a for a, _ in read["websocket.layer.delivery.duration"]] == [processed]
    assert [a for a, _ in read["messaging.process.duration"]] == [processed]
    dropped = {**system, "messaging.operation.name": "group_send"}
    assert read["websocket.layer.dropped_messages"] == [(dropped, 2)]
    assert our_log == ["a django.channels recipient is too slow: events for it are dropped"]


async def test_a_fan_out_counts_what_it_loses(metrics: Metrics, our_log: list[str]) -> None:
    fanout = MemoryFanout(capacity=1, meter_provider=metrics.provider)
    async with fanout.subscribe("room"):
        for _ in range(3):
            await fanout.publish("room", {"type": "said"})
    read = metrics.read()
    published = {"messaging.system": "memory", "messaging.operation.name": "publish"}
    assert read["messaging.client.sent.messages"] == [(published, 3)]
    assert read["websocket.layer.dropped_messages"] == [(published, 2)]
    assert len(our_log) == 1
