"""A deployment that rolls: old and new, traced and untraced processes beside each other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import pytest
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import channel_layers

from otel_ws.envelope import KEY, envelope_of
from otel_ws.testing import CapturedSpans
from otel_ws_channels import TracedConsumerMixin
from otel_ws_channels.layers import TracedChannelLayer
from tests.drivers.say import converse
from tests.drivers.script import Hear, Leave
from tests.layers.backends import BACKENDS, Ask, Backend
from tests.layers.test_claims import receive
from tests.test_channels import application

EVENT = {"type": "room.said", "text": "hello"}
OVER_REDIS = [backend for backend in BACKENDS if backend.name in ("redis core", "redis pub/sub")]


class Room(AsyncWebsocketConsumer):
    groups = ("room",)
    joined: ClassVar[asyncio.Event]
    seen: ClassVar[list[Any]]

    async def connect(self) -> None:
        await self.accept()
        self.joined.set()

    async def room_said(self, event: dict[str, Any]) -> None:
        self.seen.append(dict(event))
        await self.send(event["text"])


class TracedRoom(TracedConsumerMixin, Room):
    """The same, traced."""


@pytest.fixture(params=OVER_REDIS, ids=str)
def backend(request: pytest.FixtureRequest) -> Backend:
    return request.param


@pytest.fixture
async def untraced(plain: Any, backend: Backend, ask: Ask) -> AsyncIterator[Any]:
    """The layer of another process, untraced."""
    other = backend.make(ask)
    yield other
    await backend.close(other)


@pytest.fixture
def traced(plain: Any) -> Any:
    """The layer of this process, traced."""
    return TracedChannelLayer.wrap(plain)


@contextmanager
def default(layer: Any) -> Iterator[None]:
    channel_layers.set("default", layer)
    yield
    channel_layers.backends.clear()


async def hear(layer: Any, consumer: Any, sender: Any, event: dict[str, Any]) -> Any:
    """Return what a handler on `layer` sees of what `sender` sends."""
    Room.joined, Room.seen = asyncio.Event(), []
    with default(layer):
        playing = asyncio.create_task(converse(application(consumer), Hear("hello"), Leave()))
        await Room.joined.wait()
        await sender.group_send("room", event)
        await playing
    [seen] = Room.seen
    return seen


async def test_an_untraced_process_sees_the_envelope_of_a_traced_one(
    untraced: Any, traced: Any, spans: CapturedSpans
) -> None:
    """A key that its handlers do not look at; one that sends its event as a whole sends it too."""
    seen = await hear(untraced, Room, traced, EVENT)
    carrier = seen.pop(KEY)
    assert seen == EVENT
    assert carrier.keys() == {"v", "traceparent", "id", "sent"}


async def test_the_layer_takes_it_out_whatever_the_consumer_is(
    untraced: Any, traced: Any, spans: CapturedSpans
) -> None:
    """So the layer is the first to be deployed, and the consumers follow in any order."""
    other = TracedChannelLayer.wrap(untraced)
    assert await hear(traced, Room, other, EVENT) == EVENT
    assert spans.named("process") == []
    assert await hear(traced, TracedRoom, other, EVENT) == EVENT
    assert len(spans.named("process")) == 1


async def test_a_traced_process_takes_what_an_untraced_one_sends(
    untraced: Any, traced: Any, spans: CapturedSpans
) -> None:
    assert await hear(traced, TracedRoom, untraced, EVENT) == EVENT
    assert (
        spans
        == """
        GET /room
        websocket.open /room -> GET /room
        process room.said -> GET /room
          websocket.send /room
        websocket.close -> GET /room
    """
    )


async def test_a_version_that_is_not_known_is_taken_out_and_not_read(
    untraced: Any, traced: Any, spans: CapturedSpans
) -> None:
    """An untraced layer sends what a newer producer would."""
    parent = f"00-{1:032x}-{2:016x}-01"
    newer = {"v": "2", "traceparent": parent, "context": {"parent": parent}}
    assert await hear(traced, TracedRoom, untraced, {**EVENT, KEY: newer}) == EVENT
    [process] = spans.named("process")
    assert process.parent is None
    assert len(process.links) == 1  # to the handshake


@pytest.mark.parametrize("carrier", [None, 5, "00-1-2-01", [], {"v": ["1"]}, {"v": "1", "id": 5}])
async def test_what_a_stranger_has_put_there_is_taken_out(
    carrier: Any, untraced: Any, traced: Any, our_log: list[str]
) -> None:
    channel = await traced.new_channel()
    await untraced.send(channel, {**EVENT, KEY: carrier})
    received = await receive(traced, channel)
    assert received == EVENT
    assert envelope_of(received) is None
    assert our_log == []
