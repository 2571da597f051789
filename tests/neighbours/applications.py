"""One echo in three frameworks, with spans of its own before, after and between everything."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent
from typing import Any

from channels.generic.websocket import WebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path
from fastapi import Depends, FastAPI, WebSocket
from opentelemetry import trace
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

import otel_ws_channels
import otel_ws_starlette
from otel_ws_channels import TracedConsumer, TracedConsumerMixin
from tests.playing import play

TREE = dedent("""\
    GET /room
      authenticate
    websocket.open /room -> GET /room
      greet
    websocket.receive /room -> GET /room
      query
      websocket.send /room
    websocket.close -> GET /room""")
ONE_TRACE = dedent("""\
    GET /room
      authenticate
      websocket.connection /room
        websocket.open /room
          greet
        websocket.receive /room
          query
          websocket.send /room
        websocket.close""")
TREES = {"session": TREE, "connection": ONE_TRACE}
ECHOED = [
    {"type": "websocket.accept", "subprotocol": None},
    {"type": "websocket.send", "text": "hello"},
]


def span(name: str) -> None:
    """Make a span as an application does, or the client of its database."""
    with trace.get_tracer("application").start_as_current_span(name):
        pass


async def authenticate() -> None:
    span("authenticate")


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    span("greet")
    async for text in websocket.iter_text():
        span("query")
        await websocket.send_text(text)


async def authenticated(websocket: WebSocket) -> None:
    await authenticate()
    await echo(websocket)


def starlette(**options: Any) -> Starlette:
    return Starlette(routes=[WebSocketRoute("/room", authenticated)], **options)


def fastapi(**options: Any) -> FastAPI:
    app = FastAPI(**options)

    @app.websocket("/room", dependencies=[Depends(authenticate)])
    async def room(websocket: WebSocket) -> None:
        await echo(websocket)

    return app


class Consumer(TracedConsumer):
    async def connect(self) -> None:
        await authenticate()
        await self.accept()
        span("greet")

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        span("query")
        await self.send(text_data)


class SyncConsumer(TracedConsumerMixin, WebsocketConsumer):
    def connect(self) -> None:
        span("authenticate")
        self.accept()
        span("greet")

    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        span("query")
        self.send(text_data)


def channels(consumer: Any = Consumer) -> ProtocolTypeRouter:
    return ProtocolTypeRouter({"websocket": URLRouter([path("room", consumer.as_asgi())])})


def sync_channels() -> ProtocolTypeRouter:
    return channels(SyncConsumer)


FRAMEWORKS: dict[str, tuple[Callable[[], Any], Any]] = {
    "starlette": (starlette, otel_ws_starlette.TracingMiddleware),
    "fastapi": (fastapi, otel_ws_starlette.TracingMiddleware),
    "channels": (channels, otel_ws_channels.TracingMiddleware),
    "channels sync": (sync_channels, otel_ws_channels.TracingMiddleware),
}


def sent(application: Any, **scope: Any) -> list[Any]:
    """Return what the application sends to one who says hello, without the headers."""
    said = (
        {"type": "websocket.connect"},
        {"type": "websocket.receive", "text": "hello"},
        {"type": "websocket.disconnect", "code": 1000, "reason": ""},
    )
    messages = play(application, *said, **scope)
    return [{key: m[key] for key in m if key != "headers"} for m in messages]
