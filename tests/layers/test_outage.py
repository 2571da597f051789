"""Redis goes away and comes back: the application lives through it as it does untraced."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from typing import Any

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import channel_layers
from opentelemetry import trace
from opentelemetry.context import get_current

from otel_ws import Connection
from otel_ws.testing import CapturedSpans
from otel_ws_channels import TracedConsumerMixin
from otel_ws_channels.layers import TracedChannelLayer
from testproject.redis_server import RedisServer, running_redis
from tests.drivers.say import converse
from tests.drivers.script import Hear, Leave
from tests.layers.backends import BACKENDS, Backend
from tests.test_channels import application

EVENT = {"type": "room.said", "text": "hello"}
OVER_REDIS = [backend for backend in BACKENDS if backend.name in ("redis core", "redis pub/sub")]


class Room(AsyncWebsocketConsumer):
    groups = ("room",)
    joined: asyncio.Event

    async def connect(self) -> None:
        await self.accept()
        self.joined.set()

    async def room_said(self, event: dict[str, Any]) -> None:
        await self.send(event["text"])


class TracedRoom(TracedConsumerMixin, Room):
    """The same, traced."""


@pytest.fixture(params=OVER_REDIS, ids=str)
def backend(request: pytest.FixtureRequest) -> Backend:
    return request.param


@pytest.fixture
async def layers(backend: Backend) -> AsyncIterator[tuple[Any, Any, RedisServer]]:
    """The layer, plain and traced, and a Redis that nobody else needs."""
    with running_redis() as server:
        plain, traced = (backend.make(lambda name: server.url) for _ in range(2))
        yield plain, TracedChannelLayer.wrap(traced), server
        channel_layers.backends.clear()
        await backend.close(plain)
        await backend.close(traced)


async def attempt(awaitable: Any) -> str:
    """Return what came of it: the exception, or that there was none."""
    try:
        async with asyncio.timeout(10):
            await awaitable
    except Exception as error:
        return type(error).__name__
    return "ok"


async def join(consumer: Any) -> asyncio.Task[Any]:
    Room.joined = asyncio.Event()
    app = application(consumer)
    playing = asyncio.create_task(converse(app, Hear("hello"), Leave()))
    joining = asyncio.create_task(Room.joined.wait())
    await asyncio.wait([playing, joining], timeout=5, return_when=asyncio.FIRST_COMPLETED)
    joining.cancel()
    return playing


async def live_through(layer: Any, consumer: Any, server: RedisServer) -> list[str]:
    """Return what the application meets: before, while Redis is away, and afterwards."""
    channel_layers.set("default", layer)
    outcomes = []
    recipient = await join(consumer)
    outcomes.append(await attempt(layer.group_send("room", EVENT)))
    outcomes.append(await attempt(recipient))
    recipient = await join(consumer)  # in mid-flight
    server.stop()
    await asyncio.sleep(0.3)
    outcomes.append(await attempt(layer.group_send("room", EVENT)))
    outcomes.append(await attempt(layer.send("name", EVENT)))
    outcomes.append(f"recipient done: {recipient.done()}")
    server.start()
    await asyncio.sleep(1.3)  # the pub/sub layer tries again after a second
    outcomes.append(await attempt(layer.send("name", EVENT)))
    outcomes.append(await _until_heard(layer, consumer))
    outcomes.append(f"recipient: {await attempt(recipient)}")
    return outcomes


async def _until_heard(layer: Any, consumer: Any) -> str:
    """Let one after another come: each meets a connection of the pool that has died, or not."""
    for _ in range(10):
        newcomer = await join(consumer)
        await attempt(layer.group_send("room", EVENT))
        if await attempt(newcomer) == "ok":
            return "a newcomer hears"
    return "nobody hears"


async def test_it_is_the_same_application_as_untraced(
    layers: tuple[Any, Any, RedisServer], spans: CapturedSpans
) -> None:
    plain, traced, server = layers
    untraced = await live_through(plain, Room, server)
    spans.clear()
    before = get_current()
    assert await live_through(traced, TracedRoom, server) == untraced
    assert get_current() is before
    print(untraced)


async def test_every_span_ends_and_nothing_is_kept(
    backend: Backend, layers: tuple[Any, Any, RedisServer], spans: CapturedSpans
) -> None:
    _, traced, server = layers
    tasks = asyncio.all_tasks()
    await live_through(traced, TracedRoom, server)
    await backend.close(traced)
    await asyncio.sleep(0)
    assert [span.name for span in spans if span.end_time is None] == []
    assert not trace.get_current_span().is_recording()
    assert {task.get_name() for task in asyncio.all_tasks() - tasks} == set()
    spans.clear()
    gc.collect()
    assert [each for each in gc.get_objects() if type(each) is Connection] == []
