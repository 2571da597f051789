"""Instrumentations of what lies below: threads, Redis; and a middleware that is for HTTP alone."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from textwrap import dedent
from typing import Any

import pytest
import redis.asyncio
from channels.generic.websocket import WebsocketConsumer
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute

import otel_ws_channels
from otel_ws.handoff import Receipt, handoff
from otel_ws.testing import CapturedSpans
from otel_ws_channels import TracedConsumerMixin
from otel_ws_starlette import TracingMiddleware
from otel_ws_starlette.fanout import RedisFanout
from testproject.redis_server import RedisServer

from .applications import ECHOED, FRAMEWORKS, TREE, channels, sent, span, starlette


def instrumented(name: str) -> Iterator[None]:
    module = pytest.importorskip(f"opentelemetry.instrumentation.{name}")
    instrumentor = getattr(module, f"{name.capitalize()}Instrumentor")()
    instrumentor.instrument()
    yield
    instrumentor.uninstrument()


@pytest.fixture
def threading_instrumented() -> Iterator[None]:
    yield from instrumented("threading")


@pytest.fixture
def redis_instrumented() -> Iterator[None]:
    yield from instrumented("redis")


# --- Starlette's own ----------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["around", "inside"])
def test_starlettes_own_middleware_leaves_websockets_to_us(
    place: str, spans: CapturedSpans
) -> None:
    own = pytest.importorskip("starlette.middleware.opentelemetry").OpenTelemetryMiddleware
    app = own(TracingMiddleware(starlette())) if place == "inside" else None
    assert sent(app or TracingMiddleware(own(starlette()))) == ECHOED
    assert spans == TREE


# --- threads ------------------------------------------------------------------------------------


class Threads(TracedConsumerMixin, WebsocketConsumer):
    def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        thread = threading.Thread(target=span, args=("in a thread",))
        thread.start()
        thread.join()
        with ThreadPoolExecutor(1) as pool:
            pool.submit(span, "in a pool").result()
        span("query")
        self.send(text_data)


@pytest.mark.usefixtures("threading_instrumented")
@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_with_threads_instrumented_a_message_has_its_children(
    framework: str, spans: CapturedSpans
) -> None:
    make, ours = FRAMEWORKS[framework]
    assert sent(ours(make())) == ECHOED
    assert spans == TREE


@pytest.mark.usefixtures("threading_instrumented")
def test_threads_and_pools_stay_in_the_message(spans: CapturedSpans) -> None:
    assert sent(otel_ws_channels.TracingMiddleware(channels(Threads))) == ECHOED
    assert (
        spans
        == """
        GET /room
        websocket.open /room -> GET /room
        websocket.receive /room -> GET /room
          in a thread
          in a pool
          query
          websocket.send /room
        websocket.close -> GET /room
    """
    )


@pytest.mark.usefixtures("threading_instrumented")
def test_a_receipt_in_an_instrumented_thread_is_resumed_once(spans: CapturedSpans) -> None:
    def work(receipt: Receipt) -> None:
        with receipt.resume("render"):
            span("draw")

    async def room(websocket: Any) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            with ThreadPoolExecutor(1) as pool:
                pool.submit(work, handoff()).result()
            await websocket.send_text(text)

    assert sent(TracingMiddleware(Starlette(routes=[WebSocketRoute("/room", room)]))) == ECHOED
    assert (
        spans
        == """
        GET /room
        websocket.open /room -> GET /room
        websocket.receive /room -> GET /room
          render
            draw
          websocket.send /room
        websocket.close -> GET /room
    """
    )


# --- Redis --------------------------------------------------------------------------------------


@pytest.mark.usefixtures("redis_instrumented")
async def test_a_fan_out_that_waits_makes_no_spans_and_publishing_has_its_command(
    spans: CapturedSpans, redis_server: RedisServer
) -> None:
    if not hasattr(
        import_module("opentelemetry.instrumentation.redis"), "is_instrumentation_enabled"
    ):
        pytest.skip("this Redis instrumentation cannot be suppressed")
    client = redis.asyncio.from_url(redis_server.url)
    fanout = RedisFanout(client)
    async with fanout.subscribe("room") as events:
        waiting = asyncio.create_task(anext(events))
        await asyncio.sleep(0.2)
        spans.clear()
        await asyncio.sleep(1.2)  # it polls every second
        assert spans == ""
        await fanout.publish("room", {"type": "room.said"})
        async with asyncio.timeout(10):
            await waiting
    await client.aclose()
    assert str(spans).startswith(
        dedent("""\
        publish room.said
          PUBLISH
    """).rstrip()
    )
