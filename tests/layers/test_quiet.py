"""With the Redis instrumentation on, waiting makes no spans, and sending keeps its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from channels.layers import channel_layers
from channels.routing import URLRouter
from django.urls import path
from opentelemetry import trace

from otel_ws.testing import CapturedSpans
from otel_ws_channels import TracedConsumer, TracingMiddleware
from otel_ws_channels.layers import TracedChannelLayer
from tests.drivers.say import converse
from tests.drivers.script import Hear, Leave
from tests.layers.backends import BACKENDS, Ask, Backend

instrumentation = pytest.importorskip("opentelemetry.instrumentation.redis")
if not hasattr(instrumentation, "is_instrumentation_enabled"):
    pytest.skip("this Redis instrumentation cannot be suppressed", allow_module_level=True)
OVER_REDIS = [backend for backend in BACKENDS if backend.name in ("redis core", "redis pub/sub")]
REDIS_SCOPE = "opentelemetry.instrumentation.redis"


class Room(TracedConsumer):
    groups = ("room",)
    joined: asyncio.Event

    async def connect(self) -> None:
        await self.accept()
        self.joined.set()

    async def room_said(self, event: dict[str, Any]) -> None:
        await self.send(event["text"])


@pytest.fixture(params=OVER_REDIS, ids=str)
def backend(request: pytest.FixtureRequest) -> Backend:
    return request.param


@pytest.fixture(autouse=True)
def _instrumented() -> Iterator[None]:
    instrumentor = instrumentation.RedisInstrumentor()
    instrumentor.instrument()
    yield
    instrumentor.uninstrument()


@pytest.fixture
async def plain(backend: Backend, ask: Ask, _instrumented: None) -> AsyncIterator[Any]:
    """The layer, made after the instrumentation was switched on."""
    layer = backend.make(ask)
    layer.brpop_timeout = 0.1  # of five seconds; the pub/sub layer polls every 0.1 s
    await layer.flush()
    yield layer
    await backend.close(layer)


@contextmanager
def default(layer: Any) -> Iterator[None]:
    channel_layers.set("default", layer)
    yield
    channel_layers.backends.clear()


async def idle(layer: Any, spans: CapturedSpans) -> list[str]:
    """Return the spans of a second in which a consumer waits, and then its farewell."""
    Room.joined = asyncio.Event()
    app = TracingMiddleware(URLRouter([path("room", Room.as_asgi())]))
    with default(layer):
        playing = asyncio.create_task(converse(app, Hear("bye"), Leave()))
        await Room.joined.wait()
        await asyncio.sleep(0.2)
        spans.clear()
        await asyncio.sleep(1)
        of_the_wait = [span.name for span in spans]
        await layer.group_send("room", {"type": "room.said", "text": "bye"})
        await playing
    return of_the_wait


async def test_a_process_that_waits_makes_no_spans(plain: Any, spans: CapturedSpans) -> None:
    assert await idle(TracedChannelLayer.wrap(plain), spans) == []


async def test_the_core_layer_alone_makes_one_for_each_poll(
    backend: Backend, plain: Any, spans: CapturedSpans
) -> None:
    """What the claim above is worth."""
    polls = (await idle(plain, spans)).count("BZPOPMIN")
    assert polls > 1 if backend.name == "redis core" else polls == 0


async def test_the_commands_of_a_group_send_are_its_children(
    plain: Any, spans: CapturedSpans
) -> None:
    layer = TracedChannelLayer.wrap(plain)
    await layer.group_send("room", {"type": "room.said", "text": "hello"})
    [sent] = spans.named("group_send")
    commands = [span for span in spans if _scope(span) == REDIS_SCOPE]
    assert commands
    assert {span.parent.span_id for span in commands if span.parent} == {sent.context.span_id}


async def test_the_commands_of_joining_stay_with_who_joins(
    plain: Any, spans: CapturedSpans
) -> None:
    layer = TracedChannelLayer.wrap(plain)
    with trace.get_tracer("application").start_as_current_span("join") as joining:
        channel = await layer.new_channel()
        await layer.group_add("room", channel)
    parents = {span.parent.span_id for span in spans if span.parent}
    assert parents <= {joining.get_span_context().span_id}


def _scope(span: Any) -> str:
    return str(span.instrumentation_scope.name)
