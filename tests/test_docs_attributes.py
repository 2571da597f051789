"""The tables of docs/attributes.md: each attribute is where they say, and of the type they say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
import redis.asyncio
from channels.layers import channel_layers
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.urls import path
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, get_current_span
from starlette.testclient import TestClient

from otel_ws import Config, Connection, Receive, Scope, Send, asgi
from otel_ws._sides import CLIENT
from otel_ws.handoff import handoff
from otel_ws.streams import StreamMeter
from otel_ws.testing import CapturedSpans
from otel_ws_channels import TracedConsumer, TracingMiddleware
from otel_ws_channels.layers import TracedChannelLayer
from otel_ws_starlette.fanout import MemoryFanout, RedisFanout
from testproject.redis_server import RedisServer

from .clocked import Clocked
from .pages import PAGES, tables
from .test_docs import codes, rows_of

TYPES = {str: "string", bool: "boolean", int: "int", float: "double", tuple: "double[]"}
HANDED_OVER = "rendering"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def documented() -> dict[str, dict[str, str]]:
    """Return the attributes and their types by the heading that they stand below."""
    found = {}
    for part in PAGES["docs/attributes.md"].read_text().split("\n### ")[1:]:
        heading, _, text = part.partition("\n")
        for head, rows in tables(text):
            if head == ["Attribute", "Type", "Meaning"]:
                found[heading] = {name: row[1] for row in rows for name in codes(row[0])}
    return found


def headings(span: ReadableSpan) -> Iterator[str]:
    """Yield the headings that an attribute of a span may stand below."""
    yield "On every span that failed"
    yield "On every span of a connection"
    family = span.name.partition(" ")[0]
    if span.kind is SpanKind.SERVER:
        yield "Handshake"
    elif span.kind is SpanKind.CLIENT:
        yield "Handshake of a client"
    elif family in ("websocket.receive", "websocket.send", "websocket.open"):
        yield "websocket.receive and websocket.send"
    elif family in ("websocket.close", "websocket.connection", "websocket.stream"):
        yield family
    elif family == HANDED_OVER:
        yield "Work that was handed over"
    elif not family.startswith("websocket."):
        yield "group_send, send, publish and process"


# --- what is played -----------------------------------------------------------------------------


class Routed(asgi.TracingMiddleware):
    def find_route(self, scope: Scope) -> Any:
        return lambda: "/ws/{name}"


async def slow_and_broken(scope: Scope, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "websocket.accept", "subprotocol": "chat"})
    await receive()
    await asyncio.sleep(0.1)
    await send({"type": "websocket.send", "text": "late"})
    await receive()
    raise LookupError("a bug of the application")


class Room(TracedConsumer):
    groups = ("room",)

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.channel_layer.group_send("room", {"type": "room.said", "text": text_data})

    async def room_said(self, event: dict[str, Any]) -> None:
        await self.send(event["text"])


def play_plain(model: Any) -> None:
    app = Routed(
        slow_and_broken,
        model=model,
        message_name=lambda scope, message: "greeting",
        max_message_age=0.02,
        record_close_reason=True,
        handshake_trust="link",
    )
    client = TestClient(app, headers={"traceparent": TRACEPARENT})
    connecting = client.websocket_connect("/ws/x?token=1", subprotocols=["chat"])
    with suppress(LookupError), connecting as websocket:
        websocket.send_text("Hello")
        websocket.receive_text()
        websocket.close(1000, "enough")


async def play_channels(model: Any) -> None:
    layer = TracedChannelLayer("channels.layers.InMemoryChannelLayer")
    channel_layers.set("default", layer)
    router = URLRouter([path("room", Room.as_asgi())])
    communicator = WebsocketCommunicator(TracingMiddleware(router, model=model), "/room")
    try:
        await communicator.connect()
        await communicator.send_to("Hello")
        await communicator.receive_from()
        await communicator.disconnect()
    finally:
        channel_layers.backends.clear()


def play_streams(model: Any) -> None:
    carrying = {"rollover_messages": 1, "message_codec": "json", "record_chunk_times": True}
    client = Clocked(model=model, **carrying)
    client.hear("go")
    with StreamMeter("reply"):
        client.say("one", "two")
    client.hear(json.dumps({"_meta": {"traceparent": TRACEPARENT}}))
    receipt = handoff()
    for _ in range(2):
        with receipt.resume(HANDED_OVER):
            """Do what the message asks for."""
    client.leave()


def play_client() -> Any:
    """Return the handshake of a client that is refused."""
    scope = {"type": "websocket", "path": "/ws", "server": ("example.org", 80), "headers": []}
    connection = Connection(scope, Config(), side=CLIENT)
    connection.sent({"type": "websocket.close"}, None)
    return get_current_span(connection.context)


async def play_fanout(fanout: Any) -> None:
    async with fanout.subscribe("room") as events:
        await fanout.publish("room", {"type": "said"})
        await anext(events)


@pytest.fixture
async def played(
    spans: CapturedSpans, redis_server: RedisServer, settings: Any
) -> list[ReadableSpan]:
    settings.OTEL_WS_DESTINATION_TEMPLATE = lambda name: "room"
    for model in ("session", "connection"):
        await asyncio.to_thread(play_plain, model)
        await play_channels(model)
        await asyncio.to_thread(play_streams, model)
    await play_fanout(MemoryFanout())
    async with redis.asyncio.from_url(redis_server.url) as client:
        await play_fanout(RedisFanout(client))
    return list(spans)


# --- what is claimed ----------------------------------------------------------------------------


async def test_every_attribute_stands_where_it_is_and_is_what_it_says(
    played: list[ReadableSpan],
) -> None:
    shown, seen = documented(), set()
    for span in [*played, play_client()]:
        allowed: dict[str, str] = {}
        for heading in headings(span):
            allowed |= shown[heading]
        for name, value in (span.attributes or {}).items():
            assert allowed.get(name) == TYPES[type(value)], f"{span.name}: {name}={value!r}"
            seen.add(name)
        for link in span.links:
            seen |= set(link.attributes or {})
            assert set(link.attributes or {}) == set(shown["Links"])
        seen |= set(span.instrumentation_scope.attributes or {})
    assert seen == {name for names in shown.values() for name in names}


async def test_every_span_is_in_the_table_with_its_kind(played: list[ReadableSpan]) -> None:
    rows = rows_of("docs/attributes.md", "Span", "Kind", "Starts", "Ends")
    kinds = {code.partition(" ")[0]: row[1] for row in rows for code in codes(row[0])}
    seen = {span.name.partition(" ")[0]: span.kind.name for span in played}
    assert seen.pop(HANDED_OVER) == "INTERNAL"
    assert seen == {name: kind for name, kind in kinds.items() if name not in ("CONNECT", "send")}


async def test_every_type_of_a_link_occurs(played: list[ReadableSpan]) -> None:
    seen = {link.attributes["websocket.link.type"] for span in played for link in span.links}
    rows = rows_of("docs/attributes.md", "Type", "Leads to")
    assert seen == {codes(row[0])[0] for row in rows}
