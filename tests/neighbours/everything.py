"""Applications that never heard of tracing, with every instrumentor on.

opentelemetry-instrument python -m tests.neighbours.everything
"""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
from channels.generic.websocket import AsyncWebsocketConsumer, WebsocketConsumer
from channels.layers import channel_layers, get_channel_layer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels_redis.core import RedisChannelLayer
from django.core.asgi import get_asgi_application
from django.urls import path
from opentelemetry import trace
from opentelemetry.util._importlib_metadata import entry_points

from otel_ws.testing import CapturedSpans, capture_spans, format_trace
from tests.drivers.say import converse
from tests.drivers.script import Hear, Leave, Say
from tests.playing import play, scope_of

from .applications import Consumer, SyncConsumer, channels, fastapi, span, starlette
from .programs import section, show


class Plain(AsyncWebsocketConsumer):
    connect, receive = Consumer.connect, Consumer.receive


class PlainSync(WebsocketConsumer):
    connect, receive = SyncConsumer.connect, SyncConsumer.receive


class Room(AsyncWebsocketConsumer):
    groups = ("room",)

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.channel_layer.group_send("room", {"type": "room.said", "text": text_data})

    async def room_said(self, event: dict[str, Any]) -> None:
        await self.send(event["text"])


class Threads(WebsocketConsumer):
    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        thread = threading.Thread(target=span, args=("in a thread",))
        thread.start()
        thread.join()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(span, "in a pool").result()
        span("query")
        self.send(text_data)


def instrumentors() -> str:
    """Return the names of the instrumentors that are on."""
    found = sorted(entry_points(group="opentelemetry_instrumentor"), key=lambda each: each.name)
    on = (e.load()().is_instrumented_by_opentelemetry and e.name for e in found)
    return " ".join(name for name in on if name)


def http() -> ProtocolTypeRouter:
    return ProtocolTypeRouter({"http": get_asgi_application(), "websocket": channels()})


def over_redis(spans: CapturedSpans) -> None:
    """Print what a message to a group gives, and a consumer that waits."""
    layer = RedisChannelLayer(hosts=[{"address": os.environ["REDIS_URL"], "socket_timeout": None}])
    layer.brpop_timeout = 0.1
    channel_layers.set("default", layer)
    app = ProtocolTypeRouter({"websocket": URLRouter([path("room", Room.as_asgi())])})
    spans.clear()
    asyncio.run(_waiting(app, layer))
    of_redis = [each for each in spans if "redis" in each.instrumentation_scope.name]
    parents = {each.parent and each.parent.span_id for each in of_redis}
    section("redis", format_trace(each for each in spans if each not in of_redis))
    section("commands under", "\n".join(s.name for s in spans if s.context.span_id in parents))
    section("commands under nothing", "\n".join(s.name for s in of_redis if s.parent is None))


async def _waiting(app: Any, layer: Any) -> None:
    steps = (Say("hello"), Hear("hello"), Hear("goodbye"), Leave())
    playing = asyncio.create_task(converse(app, *steps))
    await asyncio.sleep(1)
    await get_channel_layer().group_send("room", {"type": "room.said", "text": "goodbye"})
    await playing
    await layer.close_pools()


def main() -> None:
    django.setup()
    with capture_spans() as spans:
        section("instrumentors", instrumentors())
        resource = trace.get_tracer_provider().resource.attributes
        section("resource", "\n".join(f"{name}={value}" for name, value in resource.items()))
        show("starlette", starlette(), spans)
        show("fastapi", fastapi(), spans)
        show("channels", channels(Plain), spans)
        show("channels sync", channels(PlainSync), spans)
        show("channels, traced consumers", channels(), spans)
        show("threads", channels(Threads), spans)
        spans.clear()
        request = scope_of(type="http", method="GET", path="/nowhere", http_version="1.1")
        request["headers"] = [(b"host", b"localhost")]
        play(http(), {"type": "http.request"}, scope=request)
        section("http", spans)
        over_redis(spans)


if __name__ == "__main__":
    main()
