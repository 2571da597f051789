"""`websocket.server.message.dispatch_wait`: how long a message waits behind what a consumer does.

Channels hands messages and events to a consumer one after the other.
"""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from asgiref.testing import ApplicationCommunicator
from channels.consumer import AsyncConsumer, SyncConsumer
from channels.exceptions import StopConsumer
from channels.layers import channel_layers, get_channel_layer
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from otel_ws.testing import CapturedSpans
from otel_ws_channels import TracedConsumerMixin
from otel_ws_channels.layers import TracedChannelLayer

from .clocked import Clocked
from .measured import Metrics
from .playing import CONNECT, HELLO, LEAVE, scope_of
from .test_channels import application

WAIT = "websocket.server.message.dispatch_wait"
PROCESS = "websocket.server.message.process.duration"
BLOCKED = 0.2


def sums(metrics: Metrics) -> dict[str, float]:
    """Return the seconds that were measured of messages."""
    return {name: point.sum for name, point in metrics.points() if name in (WAIT, PROCESS)}


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


def test_the_wait_is_from_the_arrival_to_the_dispatch(
    metrics: Metrics, spans: CapturedSpans
) -> None:
    client = Clocked(turns="dispatch", meter_provider=metrics.provider, metrics="message")
    for wait in (0.25, 2):
        client.connection.received(HELLO)
        client.clock.forward(wait)
        turn = client.connection.dispatching(HELLO)
        client.clock.forward(1)
        client.connection.dispatched(HELLO, turn)
    client.end()
    assert sums(metrics) == {WAIT: 2.25, PROCESS: 4.25}


class Stage:
    """What a consumer that blocks and the test share."""

    def __init__(self) -> None:
        self.is_busy = threading.Event()
        self.may_go_on = threading.Event()
        self.dispatched_at = 0.0

    def stamp(self, message: Any) -> None:
        if message["type"] == "websocket.receive":
            self.dispatched_at = time.time()


def blocking_async(stage: Stage) -> Any:
    class Room(TracedConsumerMixin, AsyncConsumer):
        async def dispatch(self, message: Any) -> None:
            stage.stamp(message)
            await super().dispatch(message)

        async def websocket_connect(self, message: Any) -> None:
            await self.channel_layer.group_add("room", self.channel_name)
            await self.send({"type": "websocket.accept"})

        async def websocket_receive(self, message: Any) -> None:
            await self.send({"type": "websocket.send", "text": message["text"]})

        async def websocket_disconnect(self, message: Any) -> None:
            raise StopConsumer

        async def work(self, event: Any) -> None:
            stage.is_busy.set()
            while not stage.may_go_on.is_set():
                await asyncio.sleep(0.001)

    return Room


def blocking_sync(stage: Stage) -> Any:
    class Room(TracedConsumerMixin, SyncConsumer):
        async def dispatch(self, message: Any) -> None:
            stage.stamp(message)
            await super().dispatch(message)

        def websocket_connect(self, message: Any) -> None:
            async_to_sync(self.channel_layer.group_add)("room", self.channel_name)
            self.send({"type": "websocket.accept"})

        def websocket_receive(self, message: Any) -> None:
            self.send({"type": "websocket.send", "text": message["text"]})

        def websocket_disconnect(self, message: Any) -> None:
            raise StopConsumer

        def work(self, event: Any) -> None:
            stage.is_busy.set()
            assert stage.may_go_on.wait(10)

    return Room


class Client:
    """A conversation, and when the server had its message for the application."""

    def __init__(self, app: Any) -> None:
        self.arrived_at = 0.0
        self.has_arrived = asyncio.Event()
        self._app = app
        self.communicator = ApplicationCommunicator(self._stamped, scope_of())

    async def _stamped(self, scope: Any, receive: Any, send: Any) -> None:
        async def stamping() -> Any:
            message = await receive()
            if message["type"] == "websocket.receive":
                self.arrived_at = time.time()
                self.has_arrived.set()
            return message

        await self._app(scope, stamping, send)


@pytest.mark.parametrize("sampler", [ALWAYS_ON, ALWAYS_OFF], ids=["recorded", "not recorded"])
@pytest.mark.parametrize("volume", ["messages", "handshake"])
@pytest.mark.parametrize("build", [blocking_async, blocking_sync], ids=["async", "sync"])
async def test_what_is_measured_is_what_was_scripted(
    build: Any, volume: str, sampler: Any, metrics: Metrics
) -> None:
    channel_layers.set("default", TracedChannelLayer("channels.layers.InMemoryChannelLayer"))
    stage = Stage()
    app = application(
        build(stage),
        volume={"/room": volume},
        metrics="message",
        meter_provider=metrics.provider,
        tracer_provider=TracerProvider(sampler=sampler),
    )
    client = Client(app)
    await client.communicator.send_input(dict(CONNECT))
    await client.communicator.receive_output(10)
    await get_channel_layer().group_send("room", {"type": "work"})
    assert await asyncio.to_thread(stage.is_busy.wait, 10)
    await client.communicator.send_input(dict(HELLO))
    await asyncio.wait_for(client.has_arrived.wait(), 10)
    await asyncio.sleep(BLOCKED)
    stage.may_go_on.set()
    await client.communicator.receive_output(10)
    await client.communicator.send_input(dict(LEAVE))
    await client.communicator.wait(10)
    channel_layers.backends.clear()
    truth = stage.dispatched_at - client.arrived_at
    assert truth >= BLOCKED * 0.9
    assert sums(metrics)[WAIT] == pytest.approx(truth, abs=0.1)
