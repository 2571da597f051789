"""The parts of the test project that other tests and people build on."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import Compression, OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.trace import Link, SpanKind, StatusCode
from redis.asyncio import Redis
from redis.exceptions import RedisError
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from otel_ws_starlette import TracingMiddleware
from otel_ws_starlette.fanout import MemoryFanout, RedisFanout
from testproject.connections import ConnectionManager
from testproject.endpoints import Chat, echo
from testproject.messages import ChatMessage, name_from, text_from
from testproject.otlp import OTLPReceiver
from testproject.redis_server import RedisServer, running_redis
from testproject.scenes import Connect, connect_to, hear, wait_for_page
from testproject.servers import APPS, App, clean_environment, listen, serve
from testproject.settings import channel_layer
from testproject.telemetry import TreePrinter

ROOT = Path(__file__).resolve().parent.parent


# --- trees in the terminal ----------------------------------------------------------------------


async def refuse(websocket: WebSocket) -> None:
    await websocket.close()


async def work_inside(websocket: WebSocket) -> None:
    await websocket.accept()
    async for _ in websocket.iter_text():
        with trace.get_tracer("application", tracer_provider=PROVIDER).start_as_current_span(
            "work"
        ):
            pass


PROVIDER = TracerProvider()
PROVIDER.add_span_processor(TreePrinter())
ROUTES = [
    WebSocketRoute("/echo", echo),
    WebSocketRoute("/chat/{room}", Chat),
    WebSocketRoute("/refuse", refuse),
    WebSocketRoute("/work", work_inside),
]


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[dict[str, ConnectionManager]]:
    manager = ConnectionManager(MemoryFanout(tracer_provider=PROVIDER))
    async with manager.listening():
        yield {"manager": manager}


@pytest.fixture
def client() -> TestClient:
    app = Starlette(routes=ROUTES, lifespan=lifespan)
    return TestClient(TracingMiddleware(app, tracer_provider=PROVIDER))


def test_a_connection_is_printed_when_it_closed(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    with client.websocket_connect("/echo") as websocket:
        websocket.send_text("Hello")
        websocket.receive_text()
        assert capsys.readouterr().out == ""
    assert lines_of(capsys) == [
        "GET /echo",
        "websocket.open /echo -> GET /echo",
        "websocket.receive /echo -> GET /echo",
        "  websocket.send /echo",
        "websocket.close -> GET /echo",
    ]


def test_a_refused_connection_is_printed_too(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(WebSocketDisconnect), client.websocket_connect("/refuse"):
        pass
    assert lines_of(capsys) == ["GET /refuse"]


def test_spans_of_the_application_are_printed_with_the_connection(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    with client.websocket_connect("/work") as websocket:
        websocket.send_text("Go")
    assert "  work" in lines_of(capsys)


GRACE = """\
GET /chat/{room}
websocket.open /chat/{room} -> GET /chat/{room}
  publish chat.message
    process chat.message
      websocket.send /chat/{room}
      websocket.send /chat/{room}
websocket.receive /chat/{room} -> GET /chat/{room}
  publish chat.message
    process chat.message
      websocket.send /chat/{room}
      websocket.send /chat/{room}
"""


def test_what_one_says_is_printed_with_the_one_who_said_it(
    client: TestClient, capsys: pytest.CaptureFixture[str]
) -> None:
    with client, client.websocket_connect("/chat/tea?name=Ada") as ada:
        ada.receive_json()
        with client.websocket_connect("/chat/tea?name=Grace") as grace:
            grace.receive_json()
            grace.send_json({"text": "Hello"})
            grace.receive_json()
    trees = capsys.readouterr().out.split("\n\n")
    assert any(tree.startswith(GRACE) for tree in trees), trees


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [
        line.partition(" {websocket.")[0] for line in capsys.readouterr().out.splitlines() if line
    ]


# --- the collector ------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", Compression)
def test_a_span_comes_out_as_it_went_in(compression: Compression) -> None:
    with OTLPReceiver() as receiver:
        exporter = OTLPSpanExporter(f"{receiver.endpoint}/v1/traces", compression=compression)
        provider = TracerProvider(resource=Resource({"service.name": "shop"}))
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        tracer = provider.get_tracer("shop.orders", "1.2")
        attributes = {"text": "a", "flag": True, "number": 7, "list": (1, 2)}
        with tracer.start_as_current_span("outer", kind=SpanKind.SERVER) as outer:
            link = Link(outer.get_span_context(), {"websocket.link.type": "handshake"})
            inner = tracer.start_span("inner", attributes=attributes, links=[link])
            inner.set_status(StatusCode.ERROR, "no")
            inner.end()
        first, second = receiver.wait_for(lambda spans: len(spans) == 2)
        provider.shutdown()

    assert (first.name, first.kind, first.parent) == ("outer", SpanKind.SERVER, None)
    assert (second.name, second.kind, second.parent_id) == (
        "inner",
        SpanKind.INTERNAL,
        first.span_id,
    )
    assert second.trace_id == first.trace_id == outer.get_span_context().trace_id
    assert second.attributes == attributes
    assert second.links[0].context.span_id == first.span_id
    assert second.links[0].attributes == link.attributes
    assert (second.status.status_code, second.status.description) == (StatusCode.ERROR, "no")
    assert (second.scope_name, second.resource.attributes) == (
        "shop.orders",
        {"service.name": "shop"},
    )
    assert first.start_time <= second.start_time <= second.end_time <= first.end_time


def test_waiting_in_vain_names_what_came() -> None:
    with OTLPReceiver() as receiver, pytest.raises(TimeoutError, match="no span at all"):
        receiver.wait_for(bool, timeout=0.01)


# --- the chat -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "name"),
    [
        (b"name=Ada", "Ada"),
        (b"name=%20Grace%20", "Grace"),
        (b"", "Anonymous"),
        (b"name=%20", "Anonymous"),
        (b"name=\xff%ff", "\N{REPLACEMENT CHARACTER}" * 2),
        (b"name=" + b"a" * 99, "a" * 40),
    ],
)
def test_a_name_is_taken_from_the_query(query: bytes, name: str) -> None:
    assert name_from(query) == name


@pytest.mark.parametrize("content", [None, 1, "Hello", [], {}, {"text": 1}, {"text": " "}])
def test_what_is_no_message_is_ignored(content: object) -> None:
    assert text_from(content) is None


def test_redis_hosts_have_no_socket_timeout() -> None:
    config = channel_layer("redis://127.0.0.1:6379/0")["CONFIG"]
    assert config["hosts"] == [{"address": "redis://127.0.0.1:6379/0", "socket_timeout": None}]


@pytest.mark.parametrize("app", APPS, ids=lambda app: app.key)
def test_two_processes_share_a_room_through_redis(app: App, redis_server: RedisServer) -> None:
    with (
        served(app, redis_server.url) as here,
        served(app, redis_server.url) as there,
        here("/ws/chat/tea?name=Ada") as ada,
    ):
        hear("joined Ada", ada)
        with there("/ws/chat/tea?name=Grace") as grace:
            hear("joined Grace", ada, grace)
            grace.send('{"text": "Hello"}')
            hear("said Grace Hello", ada, grace)


@contextmanager
def served(app: App, redis_url: str) -> Iterator[Connect]:
    """Serve the application; yield what connects to it."""
    listener = listen()
    port = listener.getsockname()[1]
    with serve(app, listener, clean_environment() | {"REDIS_URL": redis_url}):
        wait_for_page(port)
        yield partial(connect_to, port)


async def test_the_manager_listens_again_when_redis_comes_back() -> None:
    with running_redis() as server:
        async with Redis.from_url(server.url) as redis:
            manager = ConnectionManager(RedisFanout(redis))
            room = Recorder()
            async with manager.listening():
                await manager.connect("tea", room)
                server.stop()
                server.start()
                async with asyncio.timeout(30):
                    while not room.heard:
                        with suppress(RedisError):
                            await manager.broadcast("tea", HELLO)
                        await asyncio.sleep(0.05)
    assert room.heard[0] == HELLO


async def test_what_is_no_message_of_the_chat_is_passed_over() -> None:
    fanout = MemoryFanout()
    manager = ConnectionManager(fanout)
    room = Recorder()
    async with manager.listening():
        await manager.connect("tea", room)
        for foreign in ({}, {"room": "tea"}, {"room": 1, **HELLO}, {"room": "coffee", **HELLO}):
            await fanout.publish("chat", foreign)
        await manager.broadcast("tea", HELLO)
        while not room.heard:
            await asyncio.sleep(0)
    assert room.heard == [HELLO]


HELLO: ChatMessage = {"kind": "said", "name": "Ada", "text": "Hello"}


class Recorder(WebSocket):
    """A connection that keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__({"type": "websocket"}, self._receive, self._send)
        self.heard: list[object] = []

    async def _receive(self) -> dict[str, str]:
        return {"type": "websocket.connect"}

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "websocket.send":
            self.heard.append(json.loads(message["text"]))


def test_djangos_checks_find_nothing() -> None:
    command = [sys.executable, "-W", "error", "testproject/manage.py", "check"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    checked = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert checked.stdout == "System check identified no issues (0 silenced).\n", checked.stderr
