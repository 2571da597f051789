"""Applications with something to tell, to compare what they see with and without tracing."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from channels.exceptions import StopConsumer
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import InMemoryChannelLayer, channel_layers
from channels.routing import URLRouter
from django.urls import re_path
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

import otel_ws_channels
from otel_ws import Hooks, asgi
from otel_ws.streams import StreamMeter, meter_stream
from otel_ws_channels import TracedConsumerMixin
from otel_ws_channels.layers import TracedChannelLayer

from .playing import CONNECT, LEAVE, Messages, play, scope_of

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
HEADERS = [(b"traceparent", TRACEPARENT.encode())]


def say(text: str) -> dict[str, Any]:
    return {"type": "websocket.receive", "text": text}


STORIES = {
    "talk": ("/", (CONNECT, say("hello"), say("again"), LEAVE)),
    "talk at the volume handshake": ("/quiet", (CONNECT, say("hello"), say("again"), LEAVE)),
    "event": ("/", (CONNECT, say("push"))),
    "streams": ("/", (CONNECT, say("stream"), say("again"), LEAVE)),
    "a context": (
        "/query",
        (CONNECT, say(json.dumps({"_meta": {"traceparent": TRACEPARENT}})), LEAVE),
    ),
    "server closes": ("/", (CONNECT, say("bye"), LEAVE)),
    "crash in a handler": ("/", (CONNECT, say("crash"))),
    "crash before accept": ("/crash", (CONNECT,)),
    "denial": ("/denied", (CONNECT, {"type": "websocket.disconnect", "code": 1006})),
}


class Crash(Exception):
    """A bug of the application."""


async def stream(send: Callable[[str], Awaitable[None]]) -> None:
    """Send three streams: one in a block, one to its end, and one that is left."""
    with StreamMeter("block"):
        await send("one")
        await send("two")
    async for text in meter_stream(chunks(), "loop"):
        await send(text)
    async for text in meter_stream(chunks(), "left"):
        await send(text)
        break


async def chunks() -> AsyncIterator[str]:
    for text in ("three", "four"):
        yield text


class Room(AsyncWebsocketConsumer):
    """Does what it is told, and keeps what it saw."""

    seen: Messages

    async def connect(self) -> None:
        self.seen.append(dict(self.scope["headers"]))
        if self.scope["path"] == "/crash":
            raise Crash("in connect")
        await (self.close() if self.scope["path"] == "/denied" else self.accept())

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        self.seen.append({"text": text_data})
        if text_data == "crash":
            raise Crash("in receive")
        if text_data == "stream":
            await stream(self.send)
        elif text_data == "push":
            await self.channel_layer.send(
                self.channel_name, {"type": "room.push", "text": "pushed"}
            )
        else:
            await (self.close(4001) if text_data == "bye" else self.send(text_data))

    async def room_push(self, event: Any) -> None:
        self.seen.append(dict(event))
        await self.send(event["text"])
        raise StopConsumer

    async def disconnect(self, code: Any) -> None:
        self.seen.append({"code": code})


class TracedRoom(TracedConsumerMixin, Room):
    """The same, traced."""


def channels_app(seen: Messages, is_traced: bool) -> Any:
    Room.seen = seen
    layer = InMemoryChannelLayer()
    channel_layers.set("default", TracedChannelLayer.wrap(layer) if is_traced else layer)
    consumer = TracedRoom if is_traced else Room
    return URLRouter([re_path("", consumer.as_asgi())])


def plain_app(seen: Messages, is_traced: bool) -> Any:
    async def room(scope: Any, receive: Any, send: Any) -> None:
        seen.append(await receive())
        if scope["path"] == "/crash":
            raise Crash("in connect")
        if scope["path"] == "/denied":
            await send({"type": "websocket.close"})
            return
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            seen.append(message)
            if message["text"] == "crash":
                raise Crash("in receive")
            if message["text"] == "stream":
                await stream(lambda text: send({"type": "websocket.send", "text": text}))
            elif message["text"] == "bye":
                await send({"type": "websocket.close", "code": 4001})
            else:
                await send({"type": "websocket.send", "text": message["text"]})
            if message["text"] == "push":
                return
        seen.append(message)

    return room


@dataclass(frozen=True)
class World:
    """A framework, and the middleware for it."""

    name: str
    build: Callable[[Messages, bool], Any]
    middleware: Callable[..., Any]

    def tell(self, story: str, **settings: Any) -> Any:
        """Return what the application saw, what it sent and what it raised; traced by settings."""
        seen: Messages = []
        app = self.build(seen, bool(settings))
        if settings:
            app = self.middleware(app, **settings)
        path, messages = STORIES[story]
        headers = [] if path == "/query" else HEADERS
        query = f"token=secret&traceparent={TRACEPARENT}".encode()
        scope = scope_of(path=path, headers=headers, query_string=query)
        try:
            sent = play(app, *messages, scope=scope)
        except Exception as error:
            return seen, type(error), str(error)
        finally:
            channel_layers.backends.clear()
        return seen, sent


def _do_nothing(*_: object) -> None:
    pass


WORLDS = (
    World("plain", plain_app, asgi.TracingMiddleware),
    World("channels", channels_app, otel_ws_channels.TracingMiddleware),
)
EVERYTHING = {
    "hooks": Hooks(_do_nothing, _do_nothing, _do_nothing),
    "message_name": lambda scope, message: message["text"],
    "excluded_routes": ["/health"],
    "volume": lambda scope, route: "handshake" if scope["path"] == "/quiet" else "messages",
    "carriers": ["headers", "subprotocol", "query"],
    "browser_trust": lambda scope: "parent",
    "message_trust": lambda scope: "parent",
    "message_codec": "json",
    "excluded_messages": ["again"],
    "message_rate": 1000.0,
    "slow_message": 1e-9,
    "meter_turns": True,
    "rollover_messages": 1,
    "metrics": "message",
    "meter_provider": MeterProvider(),
    "tracer_provider": TracerProvider(),
}


def tell_all(**settings: Any) -> dict[str, Any]:
    """Tell every story in every world, and in both models if there are settings."""
    models = [{"model": m} for m in ("session", "connection")] if settings else [{}]
    return {
        f"{world.name}: {story}": [world.tell(story, **settings, **model) for model in models]
        for world in WORLDS
        for story in STORIES
    }


def untraced() -> dict[str, Any]:
    """Return what `tell_all` is to return in both models, whatever is wrong with the tracing."""
    return {name: told * 2 for name, told in tell_all().items()}
