"""Handlers that no middleware is around, and what is no WebSocket."""

from __future__ import annotations

import asyncio
from textwrap import dedent
from typing import Any

import pytest
from channels.generic.websocket import (
    AsyncWebsocketConsumer,
    JsonWebsocketConsumer,
    WebsocketConsumer,
)
from channels.routing import URLRouter
from django.urls import path
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

import otel_ws_channels
import otel_ws_starlette
from otel_ws import asgi
from otel_ws.testing import CapturedSpans
from otel_ws_channels import TracedConsumer, TracedConsumerMixin, TracedJsonConsumer
from otel_ws_starlette import TracedWebSocketEndpoint

from .playing import play

FULL = """
    GET /room
    websocket.open /room -> GET /room
    websocket.receive /room -> GET /room
      websocket.send /room
    websocket.close -> GET /room
"""
WITHOUT_ROUTE = FULL.replace(" /room", "")
ECHOED = [
    {"type": "websocket.accept", "subprotocol": None},
    {"type": "websocket.send", "text": "5"},
]
FIVE = (
    {"type": "websocket.connect"},
    {"type": "websocket.receive", "text": "5"},
    {"type": "websocket.disconnect", "code": 1000, "reason": ""},
)


class Async(TracedConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(text_data)


class Json(TracedJsonConsumer):
    async def receive_json(self, content: Any, **_: Any) -> None:
        await self.send_json(content)


class Sync(TracedConsumerMixin, WebsocketConsumer):
    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        self.send(text_data)


class SyncJson(TracedConsumerMixin, JsonWebsocketConsumer):
    def receive_json(self, content: Any, **_: Any) -> None:
        self.send_json(content)


class Untraced(AsyncWebsocketConsumer):
    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(text_data)


class Endpoint(TracedWebSocketEndpoint):
    encoding = "text"

    async def on_receive(self, websocket: Any, data: Any) -> None:
        await websocket.send_text(data)


CONSUMERS = [Async, Json, Sync, SyncJson]


def without_route(spans: CapturedSpans) -> str:
    """Return the tree without the route, which only newer Starlettes tell below the router."""
    return str(spans).replace(" /room", "")


def missing(name: str) -> str:
    return (
        f"{name} is traced, but no TracingMiddleware is around its application: "
        "refused handshakes are not seen, and nothing is flushed at shutdown"
    )


def replies(application: Any) -> list[Any]:
    """Return what comes back for a message, without the headers that some frameworks add."""
    sent = play(application, *FIVE)
    return [{key: m[key] for key in m if key != "headers"} for m in sent]


@pytest.mark.parametrize("consumer", CONSUMERS, ids=lambda each: each.__name__)
def test_a_consumer_outside_the_middleware_is_traced_and_says_what_is_missing(
    consumer: Any, spans: CapturedSpans, our_log: list[str]
) -> None:
    app = consumer.as_asgi()
    for _ in range(2):
        spans.clear()
        assert replies(app) == ECHOED
        assert spans == WITHOUT_ROUTE
    assert our_log == [missing(consumer.__name__)]


def test_an_endpoint_outside_the_middleware_is_traced_and_says_what_is_missing(
    spans: CapturedSpans, our_log: list[str]
) -> None:
    app = Starlette(routes=[WebSocketRoute("/room", Endpoint)])
    for _ in range(2):
        spans.clear()
        assert replies(app) == ECHOED
        assert without_route(spans) == dedent(WITHOUT_ROUTE).strip()
    assert our_log == [missing("Endpoint")]


def test_a_consumer_in_an_excluded_route_is_left_alone(spans: CapturedSpans) -> None:
    routes = URLRouter([path("room", Async.as_asgi())])
    app = otel_ws_channels.TracingMiddleware(routes, excluded_routes=["/room"])
    assert replies(app) == ECHOED
    assert spans == ""


def test_a_consumer_without_the_mixin_has_no_message_spans(spans: CapturedSpans) -> None:
    routes = URLRouter([path("room", Untraced.as_asgi())])
    assert replies(otel_ws_channels.TracingMiddleware(routes)) == ECHOED
    assert spans.tree("websocket.received.message_count") == (
        "GET /room\n"
        "websocket.open /room -> GET /room\n"
        "websocket.send /room -> GET /room\n"
        "websocket.close -> GET /room {websocket.received.message_count=1}"
    )


@pytest.mark.parametrize("kind", ["http", "sse", "mqtt", "", None, 5])
@pytest.mark.parametrize("package", [asgi, otel_ws_channels, otel_ws_starlette])
def test_what_is_no_websocket_passes_untouched(
    package: Any, kind: Any, spans: CapturedSpans
) -> None:
    seen: list[Any] = []

    async def app(*arguments: Any) -> None:
        seen.append(arguments)

    given: Any = ({"type": kind, "path": "/", "headers": []}, object(), object())
    asyncio.run(package.TracingMiddleware(app)(*given))
    assert all(a is b for a, b in zip(given, seen[0], strict=True))
    assert given[0] == {"type": kind, "path": "/", "headers": []}
    assert spans == ""


def test_a_handshake_that_is_refused_outside_leaves_no_trace(spans: CapturedSpans) -> None:
    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.close"})

    assert play(refuse) == [{"type": "websocket.close"}]
    assert spans == ""
