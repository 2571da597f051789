"""Metrics: what is exported at each level, with which attributes, and of whom."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from contextlib import suppress
from functools import partial
from typing import Any

import pytest
from channels.layers import channel_layers
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

from otel_ws._instruments import INSTRUMENTS
from otel_ws.streams import StreamMeter
from otel_ws.testing import CapturedSpans
from otel_ws_channels import TracedConsumer
from otel_ws_channels.layers import TracedChannelLayer
from otel_ws_starlette import TracingMiddleware
from otel_ws_starlette.fanout import MemoryFanout

from .clocked import Clocked
from .drivers.say import converse
from .drivers.script import Hear, Leave, Say
from .measured import Metrics, everything
from .test_channels import application as channels_application
from .test_starlette import Echo

ROUTE = {"http.route": "/room"}
CONNECTION = {**ROUTE, "url.scheme": "ws"}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def _application(to: Metrics, **settings: Any) -> TracingMiddleware:
    app = Starlette(routes=[WebSocketRoute("/room", Echo)])
    return TracingMiddleware(app, **{"meter_provider": to.provider, **settings})


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


# --- levels -------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", ["off", "connection", "message"])
async def test_a_level_has_exactly_its_metrics(
    level: str, settings: Any, metrics: Metrics, spans: CapturedSpans, our_log: list[str]
) -> None:
    await everything(settings, metrics.provider, level)
    levels = {"off": set(), "connection": {"connection"}, "message": {"connection", "message"}}
    assert metrics.read().keys() == {
        each.name for each in INSTRUMENTS if each.level in levels[level]
    }


class Counting(MeterProvider):
    """Counts how often something is recorded, of every instrument."""

    def __init__(self) -> None:
        super().__init__(metric_readers=[InMemoryMetricReader()])
        self.calls: Counter[str] = Counter()

    def get_meter(self, *args: Any, **kwargs: Any) -> Any:
        meter = super().get_meter(*args, **kwargs)
        for kind in ("create_counter", "create_histogram", "create_up_down_counter"):
            setattr(meter, kind, partial(self._create, getattr(meter, kind)))
        return meter

    def _create(self, create: Any, name: str, **about: Any) -> Any:
        instrument = create(name, **about)
        method = "record" if hasattr(instrument, "record") else "add"
        setattr(instrument, method, partial(self._count, name, getattr(instrument, method)))
        return instrument

    def _count(self, name: str, call: Any, *args: Any) -> None:
        self.calls[name] += 1
        call(*args)


ONCE = {
    "websocket.server.handshake.duration": 1,
    "websocket.server.connection.active": 2,
    "websocket.server.connection.duration": 1,
}


class Shout(TracedConsumer):
    """Passes through the layer what it is told, and sends it."""

    groups = ("room",)

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.channel_layer.group_send("room", {"type": "said", "text": text_data})

    async def said(self, event: Any) -> None:
        await self.send(event["text"])


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("volume", ["messages", "handshake"])
@pytest.mark.parametrize("build", ["channels", "starlette"])
async def test_a_thousand_messages_are_tallied_and_none_is_recorded(
    build: str, volume: str, sampled: bool, settings: Any
) -> None:
    provider = settings.OTEL_WS_METER_PROVIDER = Counting()
    tracer_provider = TracerProvider(sampler=ALWAYS_ON if sampled else ALWAYS_OFF)
    more: Any = {"tracer_provider": tracer_provider, "volume": {"/room": volume}}
    channel_layers.set("default", TracedChannelLayer("channels.layers.InMemoryChannelLayer"))
    app = (
        channels_application(Shout, **more)
        if build == "channels"
        else _application(Metrics(), **more | {"meter_provider": provider})
    )
    spoken = [step for number in range(500) for step in (Say(f"{number}"), Hear(f"{number}"))]
    await converse(app, *spoken, Leave())
    channel_layers.backends.clear()
    assert provider.calls == ONCE


async def test_what_is_recorded_would_be_seen() -> None:
    provider = Counting()
    await converse(_application(Metrics(), meter_provider=provider, metrics="message"))
    assert provider.calls == ONCE | {
        "websocket.server.message.process.duration": 1,
        "websocket.server.message.send.duration": 1,
        "websocket.server.message.size": 2,
    }


# --- streams ------------------------------------------------------------------------------------


@pytest.mark.parametrize("sampled", [True, False])
@pytest.mark.parametrize("level", ["connection", "message"])
async def test_a_stream_is_measured_when_it_ends(
    level: Any, sampled: bool, metrics: Metrics
) -> None:
    provider = TracerProvider(sampler=ALWAYS_ON if sampled else ALWAYS_OFF)
    client = Clocked(tracer_provider=provider, meter_provider=metrics.provider, metrics=level)
    client.hear("go")
    with suppress(LookupError), StreamMeter("reply"):
        for wait in (0.5, 0.1, 0.3):
            client.clock.forward(wait)
            client.say("chunk")
        raise LookupError("a bug of the application")
    client.leave()
    sums = {name: point.sum for name, point in metrics.points() if ".stream." in name}
    expected = {
        "websocket.server.stream.time_to_first_chunk": 0.5,
        "websocket.server.stream.time_to_last_chunk": 0.9,
        "websocket.server.stream.average_chunk_interval": 0.2,
        "websocket.server.stream.chunk_count": 3,
    }
    if level == "message":
        expected["websocket.server.stream.chunk_interval"] = 0.4
    assert sums == pytest.approx(expected)
    reply = {**ROUTE, "websocket.stream.name": "reply"}
    for name, points in metrics.read().items():
        if name.endswith("chunk_interval") and "average" not in name:
            assert points == [(reply, 2)]
        elif ".stream." in name:
            assert points == [({**reply, "websocket.stream.end_reason": "error"}, 1)]


async def test_a_stream_without_chunks_has_a_count_and_no_times(metrics: Metrics) -> None:
    client = Clocked(meter_provider=metrics.provider)
    with StreamMeter("reply"):
        pass
    client.leave()
    streams = {name: points for name, points in metrics.read().items() if ".stream." in name}
    assert [*streams] == ["websocket.server.stream.chunk_count"]


async def test_a_metered_turn_has_no_name(metrics: Metrics, spans: CapturedSpans) -> None:
    client = Clocked(meter_provider=metrics.provider, meter_turns=True)
    client.hear("go").say("one", "two").leave()
    [(attributes, _)] = metrics.read()["websocket.server.stream.chunk_count"]
    assert attributes == {**ROUTE, "websocket.stream.end_reason": "complete"}


# --- what an instrument is ----------------------------------------------------------------------


async def test_a_clock_that_is_set_back_measures_nothing_negative(metrics: Metrics) -> None:
    client = Clocked(meter_provider=metrics.provider, metrics="message")
    client.clock.forward(-3600)
    client.hear("go")
    client.clock.forward(-3600)
    with StreamMeter("reply"):
        client.say("one")
        client.clock.forward(-3600)
        client.say("two")
    client.leave()
    assert {point.min for name, point in metrics.points() if hasattr(point, "min")} <= {0, 2, 3}


async def test_there_is_one_series_whatever_provider_came_first(metrics: Metrics) -> None:
    app = _application(metrics)
    for _ in range(2):
        await converse(app)
    other = Metrics()
    await converse(_application(other))
    await converse(app)
    [(_, count)] = metrics.read()["websocket.server.handshake.duration"]
    assert count == 3


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


@pytest.mark.parametrize("answer", [None, "", 7, ["room"], {"room": 7}, object()])
async def test_a_template_that_is_no_text_is_left_out(
    answer: Any, metrics: Metrics, spans: CapturedSpans
) -> None:
    fanout = MemoryFanout(
        meter_provider=metrics.provider, destination_template=lambda destination: answer
    )
    await fanout.publish("room", {"type": "said"})
    [(attributes, count)] = metrics.read()["messaging.client.sent.messages"]
    assert (attributes.get("messaging.destination.template"), count) == (None, 1)
    assert "messaging.destination.template" not in spans[0].attributes
    assert spans[0].end_time
