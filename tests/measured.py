"""What is measured: a meter provider that shows what it exports, and a run that has everything."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from channels.exceptions import ChannelFull
from channels.layers import channel_layers
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from otel_ws import Receive, Scope, Send, asgi
from otel_ws.streams import StreamMeter, meter_stream
from otel_ws_channels import TracedConsumer
from otel_ws_channels.layers import TracedChannelLayer
from otel_ws_starlette import TracingMiddleware
from otel_ws_starlette.fanout import MemoryFanout

from .drivers.say import converse
from .drivers.script import Hear, Leave, Say
from .playing import CONNECT, HELLO, scope_of


class Metrics:
    """A meter provider, and what it exports."""

    def __init__(self, **settings: Any) -> None:
        self.reader = InMemoryMetricReader()
        self.provider = MeterProvider(metric_readers=[self.reader], **settings)

    def points(self) -> Iterator[tuple[str, Any]]:
        """Yield each data point of our metrics, with the metric's name."""
        data = self.reader.get_metrics_data()
        for scope in data.resource_metrics[0].scope_metrics if data else ():
            if scope.scope.name == "otel_ws":
                for metric in scope.metrics:
                    yield from ((metric.name, point) for point in metric.data.data_points)

    def read(self) -> dict[str, list[tuple[dict[str, Any], Any]]]:
        """Return the points of each metric: their attributes, and their value or count."""
        found: dict[str, list[tuple[dict[str, Any], Any]]] = {}
        for name, point in self.points():
            value = getattr(point, "count", getattr(point, "value", None))
            found.setdefault(name, []).append((dict(point.attributes), value))
        return found


# --- a run in which everything happens that is measured -----------------------------------------


async def answer(websocket: WebSocket) -> None:
    """Answer with a stream; be cancelled in another, and fail at what is not understood."""
    await websocket.accept()
    async for text in websocket.iter_text():
        if text == "fail":
            raise LookupError("a bug of the application")
        await websocket.send_text("thinking")
        async for token in meter_stream(tokens(), "reply"):
            await websocket.send_text(token)
        with suppress(TimeoutError), StreamMeter("advert"):
            await websocket.send_text("buy")
            raise TimeoutError


async def tokens() -> Any:
    for token in ("one", "two", "three"):
        yield token


class Room(TracedConsumer):
    """Passes on to its group what it is told."""

    groups = ("room.7",)

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.channel_layer.group_send("room.7", {"type": "said", "text": text_data})

    async def said(self, event: Any) -> None:
        with StreamMeter("quote"):
            await self.send(event["text"])
            await self.send("said somebody")


async def everything(settings: Any, provider: MeterProvider, level: str) -> None:
    """Play conversations in which everything happens that is measured; `settings` are Django's."""
    more: Any = {"meter_provider": provider, "metrics": level}
    settings.OTEL_WS_METER_PROVIDER, settings.OTEL_WS_METRICS = provider, level
    settings.OTEL_WS_DESTINATION_TEMPLATE = lambda name: name.partition(".")[0]
    await play_failures(**more)
    await play_starlette(**more)
    await play_channels()
    await play_fanout(MemoryFanout(capacity=1, **more))


class Routed(asgi.TracingMiddleware):
    def find_route(self, scope: Scope) -> Any:
        return lambda: "/ws/{name}"


async def crash(scope: Scope, receive: Receive, send: Send) -> None:
    """Fail in the handshake, or behind it."""
    await receive()
    if scope["path"] == "/early":
        raise LookupError("a bug of the application")
    await send({"type": "websocket.accept"})
    await receive()
    await send({"type": "websocket.send", "text": "hello"})


async def play_failures(**settings: Any) -> None:
    """Play a handshake that fails, and a send that the server refuses for reasons of its own."""
    app = Routed(crash, **settings)
    for path in ("/early", "/late"):
        messages = iter([CONNECT, HELLO])

        async def receive(left: Any = messages) -> Any:
            return next(left)

        async def send(message: Any) -> None:
            if message["type"] == "websocket.send":
                raise LookupError("a bug of the server")

        with suppress(LookupError):
            await app(scope_of(path=path), receive, send)


async def play_starlette(**settings: Any) -> None:
    app = Starlette(routes=[WebSocketRoute("/answers/{topic}", answer)])
    traced = TracingMiddleware(app, **settings)
    heard = [Hear(text) for text in ("thinking", "one", "two", "three", "buy")]
    await converse(traced, Say("go"), *heard, Leave(1001), path="/answers/tea")
    with suppress(LookupError):
        await converse(traced, Say("fail"), path="/answers/tea")
    await converse(traced, Leave(), path="/no/such/path")


async def play_channels() -> None:
    from .test_channels import application

    layer = TracedChannelLayer("channels.layers.InMemoryChannelLayer", capacity=1)
    channel_layers.set("default", layer)
    try:
        await converse(application(Room), Say("hello"), Hear("said somebody"), Leave())
        await layer.send("worker", {"type": "job"})
        with suppress(ChannelFull):
            await layer.send("worker", {"type": "job"})
    finally:
        channel_layers.backends.clear()


async def play_fanout(fanout: MemoryFanout) -> None:
    with suppress(LookupError):
        async with fanout.subscribe("room") as events:
            for _ in range(2):  # of which one is lost
                await fanout.publish("room", {"type": "said"})
            async for _ in events:
                await asyncio.sleep(0)
                raise LookupError("a bug of the application")
