"""The traced channel layer: whose trace an event joins, and what nobody gets to see."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from channels.exceptions import ChannelFull
from channels.layers import InMemoryChannelLayer, channel_layers
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags, use_span

from otel_ws import envelope
from otel_ws.testing import CapturedSpans
from otel_ws_channels import TracedConsumer
from otel_ws_channels.layers import TracedChannelLayer

from .drivers.say import converse
from .drivers.script import Hear, Leave, Say
from .test_channels import application

own = trace.get_tracer("application")


@pytest.fixture
def layer() -> Iterator[TracedChannelLayer]:
    layer = TracedChannelLayer("channels.layers.InMemoryChannelLayer", capacity=200)
    channel_layers.set("default", layer)
    yield layer
    channel_layers.backends.clear()


class Room(TracedConsumer):
    groups = ("room",)
    seen: ClassVar[list[Any]] = []

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.channel_layer.group_send("room", {"type": "room.said", "text": text_data})

    async def room_said(self, event: dict[str, Any]) -> None:
        self.seen.append(dict(event))
        await self.send(event["text"])


async def _in_the_room(app: Any, count: int) -> list[asyncio.Task[Any]]:
    layer = channel_layers["default"]
    listening = [asyncio.create_task(converse(app, Hear("hi"), Leave())) for _ in range(count)]
    while len(layer.groups.get("room", ())) < count:
        await asyncio.sleep(0)
    return listening


async def test_one_trace_from_message_to_recipients(
    layer: TracedChannelLayer, spans: CapturedSpans
) -> None:
    app = application(Room)
    listening = await _in_the_room(app, 1)
    spans.clear()
    await converse(app, Say("hi"), Hear("hi"), Leave())
    await asyncio.gather(*listening)
    assert spans.named("process")[0].attributes["messaging.system"] == "django.channels"
    tree = str(spans)
    assert tree.startswith(
        "GET /room\n"
        "websocket.open /room -> GET /room\n"
        "websocket.receive /room -> GET /room\n"
        "  group_send room.said\n"
        "    process room.said -> "
    )
    assert tree.count("    process room.said -> ") == 2
    assert tree.count("      websocket.send /room") == 2


@pytest.mark.parametrize(
    ("settings", "children", "roots"),
    [({}, 100, 5), ({"fanout": "parent"}, 105, 0), ({"fanout": "link"}, 0, 105)],
)
async def test_a_large_group_makes_no_large_trace(
    settings: Any, children: int, roots: int, layer: TracedChannelLayer, spans: CapturedSpans
) -> None:
    app = application(Room, **settings)
    listening = await _in_the_room(app, 105)
    await layer.group_send("room", {"type": "room.said", "text": "hi"})
    await asyncio.gather(*listening)
    processed = spans.named("process")
    sender = spans.named("group_send")[0].context
    assert sum(span.parent is not None for span in processed) == children
    assert sum(span.parent is None for span in processed) == roots
    linked = [span for span in processed if span.links[0].context.span_id == sender.span_id]
    assert len(linked) == roots


async def test_in_the_connection_model_an_event_is_linked(
    layer: TracedChannelLayer, spans: CapturedSpans
) -> None:
    listening = await _in_the_room(application(Room, model="connection"), 1)
    await layer.group_send("room", {"type": "room.said", "text": "hi"})
    await asyncio.gather(*listening)
    assert (
        spans
        == """
        GET /room
          websocket.connection /room
            websocket.open /room
            process room.said -> group_send room.said
              websocket.send /room
            websocket.close
        group_send room.said
    """
    )


async def test_neither_sender_nor_handler_sees_the_envelope(
    layer: TracedChannelLayer, spans: CapturedSpans
) -> None:
    Room.seen.clear()
    listening = await _in_the_room(application(Room), 2)
    message = {"type": "room.said", "text": "hi"}
    await layer.group_send("room", message)
    await asyncio.gather(*listening)
    assert message == {"type": "room.said", "text": "hi"}
    assert Room.seen == [message, message]


async def test_a_span_of_the_sender_is_the_parent(
    layer: TracedChannelLayer, spans: CapturedSpans
) -> None:
    listening = await _in_the_room(application(Room), 1)
    spans.clear()
    with own.start_as_current_span("POST /news"):
        await layer.group_send("room", {"type": "room.said", "text": "hi"})
    await asyncio.gather(*listening)
    assert str(spans).splitlines()[:4] == [
        "POST /news",
        "  group_send room.said",
        "    process room.said -> remote",
        "      websocket.send /room",
    ]


async def test_what_an_unsampled_sender_causes_is_not_recorded(
    layer: TracedChannelLayer, spans: CapturedSpans
) -> None:
    listening = await _in_the_room(application(Room), 1)
    spans.clear()
    unsampled = SpanContext(1, 2, is_remote=False, trace_flags=TraceFlags(0))
    with use_span(NonRecordingSpan(unsampled)):
        await layer.group_send("room", {"type": "room.said", "text": "hi"})
    await asyncio.gather(*listening)
    assert spans == "websocket.close -> remote"


async def test_the_layers_exception_is_the_senders(
    layer: TracedChannelLayer, spans: CapturedSpans
) -> None:
    for _ in range(200):
        await layer.send("worker", {"type": "job"})
    with pytest.raises(ChannelFull):
        await layer.send("worker", {"type": "job"})
    assert str(spans[-1].name) == "send job"
    assert str(spans).splitlines()[-1] == "send job ! channels.exceptions.ChannelFull"


async def test_a_context_of_the_users_own_is_left_alone(layer: TracedChannelLayer) -> None:
    channel = await layer.new_channel()
    await layer.send(channel, {"type": "job", envelope.KEY: {"mine": "x"}})
    assert layer.channels[channel].get_nowait()[1][envelope.KEY] == {"mine": "x"}


async def test_everything_else_is_the_layers_own(layer: TracedChannelLayer) -> None:
    assert isinstance(layer, InMemoryChannelLayer)
    assert layer.capacity == 200
    assert TracedChannelLayer.wrap(layer) is layer
    assert (await layer.new_channel("x")).startswith("x")


@pytest.mark.parametrize("when", ["early", "late"])
async def test_a_task_that_connect_has_started_publishes_on_its_own(
    when: str, layer: TracedChannelLayer, spans: CapturedSpans
) -> None:
    woken = asyncio.Event()

    class Ticking(Room):
        async def connect(self) -> None:
            if when == "early":
                self.ticking = asyncio.create_task(self.tick())
            await self.accept()
            if when == "late":
                self.ticking = asyncio.create_task(self.tick())

        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            woken.set()
            await self.ticking

        async def tick(self) -> None:
            await woken.wait()
            await self.channel_layer.send("elsewhere", {"type": "tick"})

    await converse(application(Ticking), Say("go"), Leave())
    assert (
        spans
        == """
        GET /room
        websocket.open /room -> GET /room
        websocket.receive /room -> GET /room
        send tick -> GET /room
        websocket.close -> GET /room
    """
    )


async def test_an_accept_by_an_event_opens_for_the_length_of_its_handler(
    layer: TracedChannelLayer, spans: CapturedSpans
) -> None:
    class Later(Room):
        async def connect(self) -> None:
            await self.channel_layer.send(self.channel_name, {"type": "do.accept"})

        async def do_accept(self, event: Any) -> None:
            await self.accept()

        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            assert spans.named("websocket.open")[0].end_time
            await self.send(text_data)

    await converse(application(Later), Say("hi"), Hear("hi"), Leave())
    assert str(spans).count("websocket.open /room") == 1
    assert spans.named("websocket.receive")[0].parent is None
