"""Streams as consumers, endpoints and handlers of events send them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from channels.generic.websocket import JsonWebsocketConsumer, WebsocketConsumer
from channels.layers import channel_layers
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from otel_ws.streams import StreamMeter, meter_stream
from otel_ws.testing import CapturedSpans
from otel_ws_channels import TracedConsumer, TracedConsumerMixin
from otel_ws_channels.layers import TracedChannelLayer
from otel_ws_starlette import TracingMiddleware
from otel_ws_starlette.fanout import MemoryFanout

from .drivers.say import converse
from .drivers.script import Hear, Leave, Say
from .streaming import REASON, STREAM, measured, tokens
from .test_channels import application


async def test_the_loop_of_a_sync_consumer_may_be_kept_on_it(spans: CapturedSpans) -> None:
    """It ends with its message, in whichever thread that is handled."""

    class Room(TracedConsumerMixin, WebsocketConsumer):
        def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            if text_data == "go":
                self.loop = meter_stream("abc", "kept")
                self.send(next(self.loop))
            self.send("end")

    await converse(application(Room), Say("go"), Hear("end"), Say("again"), Hear("end"), Leave())
    assert (
        spans.tree(*REASON)
        == """\
GET /room
websocket.open /room -> GET /room
websocket.receive /room -> GET /room
  websocket.stream kept {websocket.stream.chunk_count=2, websocket.stream.end_reason=cancelled}
websocket.receive /room -> GET /room
  websocket.send /room
websocket.close -> GET /room"""
    )


async def test_a_sync_consumer_streams_in_threads_of_its_own(spans: CapturedSpans) -> None:
    class Room(TracedConsumerMixin, JsonWebsocketConsumer):
        def receive_json(self, content: Any, **_: Any) -> None:
            async_to_sync(self.both)()
            self.send_json("end")

        async def both(self) -> None:
            await asyncio.gather(asyncio.to_thread(self.reply, 2), asyncio.to_thread(self.reply, 3))

        def reply(self, count: int) -> None:
            for number in meter_stream(range(count), f"of {count}"):
                self.send_json(number)

    await converse(application(Room), Say('"go"'), Hear('"end"'), Leave())
    found = {span.name: span.attributes[REASON[0]] for span in spans.named("websocket.stream")}
    assert found == {"websocket.stream of 2": 2, "websocket.stream of 3": 3}
    assert len(spans.named("websocket.send")) == 1


@pytest.fixture
async def layer() -> AsyncIterator[Any]:
    layer = TracedChannelLayer("channels.layers.InMemoryChannelLayer")
    channel_layers.set("default", layer)
    yield layer
    channel_layers.backends.clear()


class Room(TracedConsumer):
    """Answers what it hears through the layer, in a stream."""

    groups = ("room",)

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.channel_layer.group_send("room", {"type": "room.said", "text": text_data})

    async def room_said(self, event: dict[str, Any]) -> None:
        async for text in meter_stream(tokens(*event["text"]), "told"):
            await self.send(text)
            if text == "!":
                raise LookupError("a bug")


async def test_the_handler_of_an_event_streams(layer: Any, spans: CapturedSpans) -> None:
    await converse(application(Room), Say("abc"), Hear("c"), Leave())
    assert (
        spans.tree(*REASON)
        == """\
GET /room
websocket.open /room -> GET /room
websocket.receive /room -> GET /room
  group_send room.said
    process room.said -> GET /room
      websocket.stream told {websocket.stream.chunk_count=3, websocket.stream.end_reason=complete}
websocket.close -> GET /room"""
    )
    (process,), (stream,) = spans.named("process"), spans.named("websocket.stream")
    assert stream.start_time >= process.start_time
    assert measured(spans)["time_to_first_chunk"] < 1


async def test_the_handler_of_an_event_fails_in_a_stream(layer: Any, spans: CapturedSpans) -> None:
    with pytest.raises(LookupError):
        await converse(application(Room), Say("a!"), Hear("!"), Leave())
    assert measured(spans)["end_reason"] == "error"
    assert [span.name for span in spans if span.events] == ["websocket.stream told"]


async def test_events_are_not_metered_as_messages_are(layer: Any, spans: CapturedSpans) -> None:
    class Teller(Room):
        async def room_said(self, event: dict[str, Any]) -> None:
            for text in event["text"]:
                await self.send(text)

    await converse(application(Teller, meter_turns=True), Say("abc"), Hear("c"), Leave())
    assert spans.named("websocket.stream") == []


async def test_the_subscriber_of_a_fanout_streams(spans: CapturedSpans) -> None:
    """A loop that is left ends with the event, and the next has a stream of its own."""
    fanout = MemoryFanout()
    kept: list[Any] = []

    async def room(websocket: WebSocket) -> None:
        await websocket.accept()
        async with fanout.subscribe("room") as events:
            await fanout.publish("room", {"type": "said", "text": "ab"})
            await fanout.publish("room", {"type": "said", "text": "cd"})
            async for event in events:
                kept.append(meter_stream(event.message["text"], "told"))
                await websocket.send_text(next(kept[-1]))
                if len(kept) == 2:
                    break
        await websocket.receive()

    app = TracingMiddleware(Starlette(routes=[WebSocketRoute("/room", room)]))
    await converse(app, Hear("a"), Hear("c"), Leave())
    assert (
        spans.tree(*REASON)
        == """\
GET /room
websocket.open /room -> GET /room
  publish said
    process said -> GET /room
      websocket.stream told {websocket.stream.chunk_count=1, websocket.stream.end_reason=cancelled}
  publish said
    process said -> GET /room
      websocket.stream told {websocket.stream.chunk_count=1, websocket.stream.end_reason=cancelled}
websocket.close -> GET /room"""
    )


async def test_a_handler_may_listen_while_it_streams(spans: CapturedSpans) -> None:
    """The message that says "stop" has a trace of its own, and ends no stream by its arrival."""

    async def chat(websocket: WebSocket) -> None:
        await websocket.accept()
        await websocket.receive_text()
        with StreamMeter("reply"):
            listening = asyncio.create_task(websocket.receive_text())
            number = 0
            while not listening.done():
                number += 1
                await websocket.send_text(f"{number}")
                await asyncio.sleep(0)
            await websocket.send_text("stopped")
        await websocket.receive()

    app = TracingMiddleware(Starlette(routes=[WebSocketRoute("/room", chat)]))
    await converse(app, Say("go"), Hear("2"), Say("stop"), Hear("stopped"), Leave())
    found = measured(spans)
    assert found["end_reason"] == "complete"
    assert found["chunk_count"] >= 3
    assert (
        spans.tree(STREAM + "name")
        == """\
GET /room
websocket.open /room -> GET /room
websocket.receive /room -> GET /room
  websocket.stream reply {websocket.stream.name=reply}
websocket.receive /room -> GET /room
websocket.close -> GET /room"""
    )
