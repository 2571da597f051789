"""What is claimed of every channel layer."""

from __future__ import annotations

import asyncio
import json
from typing import Any, ClassVar

import pytest
from opentelemetry import trace
from opentelemetry.context import get_current

from otel_ws.envelope import KEY, envelope_of
from otel_ws.testing import CapturedSpans
from otel_ws_channels import TracedConsumer
from tests.drivers.say import converse
from tests.drivers.script import Hear, Leave
from tests.layers.backends import Backend
from tests.test_channels import application

# The Valkey layer calls what Channels has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:valid_.*_name is deprecated:DeprecationWarning")
own = trace.get_tracer("application")
EVENT = {
    "type": "room.said",
    "text": "Größe 10 \N{SNOWMAN}",
    "count": 3,
    "rate": 0.5,
    "none": None,
    "deep": {"list": [1, {"two": [True, False]}], "": ""},
}
PATIENCE = 20.0


@pytest.fixture(autouse=True)
def _patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some layers are slow with a hundred recipients."""
    monkeypatch.setattr("tests.drivers.wire._SECONDS", PATIENCE)


async def receive(layer: Any, channel: str) -> dict[str, Any]:
    """Receive as Channels does, with nothing in between, for as long as it may take."""
    async with asyncio.timeout(PATIENCE):
        event: dict[str, Any] = await layer.receive(channel)
    return event


async def new_channel(layer: Any) -> str:
    """Return a channel that can be sent to.

    Where there are several hosts, the Redis core layer receives on the one that it finds by the
    part of the name before the exclamation mark, and sends to the one that it finds by all of it.
    """
    while True:
        channel: str = await layer.new_channel()
        if not hasattr(layer, "ring_size"):
            return channel
        hosts = {layer.consistent_hash(name) for name in (channel, layer.non_local_name(channel))}
        if len(hosts) == 1:
            return channel


async def listen(layer: Any, count: int = 3, group: str = "room") -> list[asyncio.Task[Any]]:
    """Return `count` channels of a group, each as a task that receives its next event."""
    channels = [await layer.new_channel() for _ in range(count)]
    tasks = [asyncio.create_task(receive(layer, channel)) for channel in channels]
    await asyncio.sleep(0.05)  # the Postgres layer hears only what is sent to who listens
    for channel in channels:
        await layer.group_add(group, channel)
    return tasks


class Room(TracedConsumer):
    """Hears what is said in the room."""

    groups = ("room",)
    joined = 0
    seen: ClassVar[list[Any]] = []

    async def connect(self) -> None:
        await self.accept()
        Room.joined += 1

    async def room_said(self, event: dict[str, Any]) -> None:
        self.seen.append(event)
        await self.send(event["text"])


async def in_the_room(backend: Backend, count: int) -> list[asyncio.Task[Any]]:
    """Return the conversations of `count` recipients, when all of them have joined."""
    if backend.hangs:
        pytest.skip(f"{backend}: {backend.hangs}")
    Room.joined, Room.seen = 0, []
    app = application(Room)
    steps = Hear(EVENT["text"]), Leave()
    listening = []
    async with asyncio.timeout(PATIENCE):
        for number in range(count):  # one by one: the Postgres layer connects once for each
            listening.append(asyncio.create_task(converse(app, *steps)))
            while Room.joined <= number:
                await asyncio.sleep(0)
            if number in (0, count - 1):
                await asyncio.sleep(backend.settling)
    return listening


# --- what arrives -------------------------------------------------------------------------------


async def test_the_context_of_the_sender_arrives(layer: Any, spans: CapturedSpans) -> None:
    listening = await listen(layer)
    with own.start_as_current_span("POST /news"):
        await layer.group_send("room", EVENT)
    events = await asyncio.gather(*listening)
    assert spans == "POST /news\n  group_send room.said"
    sender = spans.named("group_send")[0]
    envelopes = [envelope_of(event) for event in events]
    for envelope in envelopes:
        assert envelope is not None
        assert envelope.context.span_id == sender.context.span_id
        assert envelope.context.trace_id == sender.context.trace_id
        assert envelope.id == sender.attributes["messaging.message.id"]
        assert abs(envelope.sent - sender.start_time / 1e9) < 1


async def test_the_handler_gets_what_was_sent_and_nothing_else(
    layer: Any, spans: CapturedSpans
) -> None:
    listening = await listen(layer)
    event = json.loads(json.dumps(EVENT))
    await layer.group_send("room", event)
    assert event == EVENT
    for received in await asyncio.gather(*listening):
        assert received == EVENT
        assert KEY not in json.dumps(received)


async def test_a_recipient_may_do_with_its_event_what_it_likes(
    layer: Any, spans: CapturedSpans
) -> None:
    """Some layers hand the same dict to all recipients: ours is each one's own."""
    first, second = await asyncio.gather(*await _sent_to_two(layer))
    first.clear()
    assert second == EVENT
    assert envelope_of(second) is not None


async def _sent_to_two(layer: Any) -> list[asyncio.Task[Any]]:
    listening = await listen(layer, 2)
    await layer.group_send("room", EVENT)
    return listening


async def test_bytes_arrive_where_the_layer_takes_them(
    backend: Backend, layer: Any, spans: CapturedSpans
) -> None:
    if not backend.binary:
        with pytest.raises(TypeError):
            await layer.send(await layer.new_channel(), {"type": "file", "data": b"\x00\xff"})
        assert spans == "send file ! TypeError"
        return
    [listening] = await listen(layer, 1)
    await layer.group_send("room", {"type": "file", "data": b"\x00\xff"})
    assert await listening == {"type": "file", "data": b"\x00\xff"}


async def test_an_event_to_one_channel(layer: Any, spans: CapturedSpans) -> None:
    listening = await listen(layer, 2)
    await layer.group_discard("room", "nobody")
    channel = await new_channel(layer)
    mine = asyncio.create_task(receive(layer, channel))
    await asyncio.sleep(0.05)
    await layer.send(channel, EVENT)
    event = await mine
    assert event == EVENT
    envelope = envelope_of(event)
    assert envelope is not None
    assert envelope.context.span_id == spans[0].context.span_id
    assert spans == "send room.said"
    assert spans[0].attributes["messaging.destination.name"] == channel
    await _cancel(listening)


async def test_an_event_to_a_channel_with_a_name(layer: Any, spans: CapturedSpans) -> None:
    """Such as a worker's: any process may receive from it."""
    mine = asyncio.create_task(receive(layer, "thumbnails"))
    await asyncio.sleep(0.1)
    await layer.send("thumbnails", {"type": "make", "id": 7})
    event = await mine
    assert event == {"type": "make", "id": 7}
    assert envelope_of(event) is not None
    assert spans == "send make"


async def test_events_come_in_the_order_in_which_they_were_sent(
    layer: Any, spans: CapturedSpans
) -> None:
    channel = await new_channel(layer)
    first = asyncio.create_task(receive(layer, channel))
    await asyncio.sleep(0.05)
    for number in range(10):
        await layer.send(channel, {"type": "count", "number": number})
    events = [await first, *[await receive(layer, channel) for _ in range(9)]]
    assert [event["number"] for event in events] == list(range(10))
    sent = {envelope_of(event).context.span_id for event in events}  # type: ignore[union-attr]
    assert sent == {span.context.span_id for span in spans}


# --- parents and links --------------------------------------------------------------------------


async def test_three_recipients_are_one_trace(
    backend: Backend, layer: Any, spans: CapturedSpans
) -> None:
    listening = await in_the_room(backend, 3)
    spans.clear()
    with own.start_as_current_span("POST /news"):
        await layer.group_send("room", EVENT)
    await asyncio.gather(*listening)
    assert Room.seen == [EVENT] * 3
    tree = str(spans)
    assert tree.startswith("POST /news\n  group_send room.said\n    process room.said -> remote\n")
    assert tree.count("\n    process room.said -> remote\n      websocket.send /room") == 3


async def test_the_hundred_and_first_recipient_is_linked(
    backend: Backend, layer: Any, spans: CapturedSpans
) -> None:
    listening = await in_the_room(backend, 104)
    await layer.group_send("room", EVENT)
    await asyncio.gather(*listening)
    [sender] = spans.named("group_send")
    processed = spans.named("process")
    children = [span for span in processed if span.parent is not None]
    linked = [span for span in processed if span.parent is None]
    assert (len(children), len(linked)) == (100, 4)
    assert {span.parent.span_id for span in children if span.parent} == {sender.context.span_id}
    assert {span.links[0].context.span_id for span in linked} == {sender.context.span_id}
    assert len({span.context.trace_id for span in linked}) == 4
    assert len({span.attributes["websocket.session.id"] for span in processed}) == 104
    assert {span.attributes["messaging.message.id"] for span in processed} == {
        sender.attributes["messaging.message.id"]
    }


# --- the layer is itself ------------------------------------------------------------------------


async def test_it_is_the_layer_to_whoever_asks(layer: Any, plain: Any) -> None:
    assert isinstance(layer, type(plain))
    assert layer.extensions == plain.extensions
    assert {name for name in dir(plain) if not name.startswith("_")} <= set(dir(layer))
    layer.of_my_own = 1
    assert vars(layer.__wrapped__)["of_my_own"] == 1


async def _refused(layer: Any) -> list[tuple[str, str]]:
    """Return what the layer raises when it is misused."""
    refused = []
    for call in (
        lambda: layer.send("not a name", EVENT),
        lambda: layer.send("x" * 200, EVENT),
        lambda: layer.group_send("not a name", EVENT),
        lambda: layer.group_send("room", {"type": "x", "data": object()}),
        lambda: layer.group_add("not a name", "nobody"),
        lambda: layer.group_send("room"),
        lambda: layer.send("name", {"type": "x", "__asgi_channel__": "name"}),
    ):
        try:
            await call()
        except Exception as error:
            refused.append((type(error).__name__, _without_addresses(str(error))))
        else:
            refused.append(("", ""))
    return refused


def _without_addresses(text: str) -> str:
    return text.partition(" at 0x")[0].replace("TracedChannelLayer.", "")


async def test_what_it_raises_is_the_layers_own(
    layer: Any, plain: Any, spans: CapturedSpans
) -> None:
    def without_class(refused: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(kind, text.rpartition(".")[2]) for kind, text in refused]

    assert without_class(await _refused(layer)) == without_class(await _refused(plain))


@pytest.mark.parametrize("event", [None, ["type"], "type", 5])
async def test_what_is_no_event_is_the_layers_own_business(
    event: Any, layer: Any, plain: Any, our_log: list[str]
) -> None:
    outcomes = []
    for each in (layer, plain):
        try:
            await each.send("name", event)
        except Exception as error:
            outcomes.append((type(error), str(error)))
        else:
            outcomes.append((type(None), ""))
    assert outcomes[0] == outcomes[1]


async def test_flush_makes_it_like_new(layer: Any, spans: CapturedSpans) -> None:
    channel = await layer.new_channel()
    await layer.group_add("room", channel)
    await layer.flush()
    await layer.group_send("room", {"type": "lost"})
    [listening] = await listen(layer, 1)
    await layer.group_send("room", EVENT)
    assert await listening == EVENT


async def test_who_has_left_the_group_hears_nothing(layer: Any, spans: CapturedSpans) -> None:
    channel = await new_channel(layer)
    mine = asyncio.create_task(receive(layer, channel))
    await asyncio.sleep(0.05)
    await layer.group_add("room", channel)
    await layer.group_discard("room", channel)
    await layer.group_send("room", {"type": "lost"})
    await layer.send(channel, EVENT)
    assert await mine == EVENT


# --- a consumer that goes -----------------------------------------------------------------------


async def test_a_cancelled_receive_leaves_what_the_layer_alone_would(
    layer: Any, plain: Any
) -> None:
    left = [await _left_behind(each) for each in (layer, plain)]
    assert left[0] == left[1]


async def _left_behind(layer: Any) -> tuple[bool, list[int], int]:
    """Cancel three consumers; return whether contexts were kept, and what is left of them."""
    await _cancel(await listen(layer, 1))  # what it starts once and for all
    tasks = _tasks()
    contexts = []

    async def consume(channel: str) -> None:
        with own.start_as_current_span("consumer"):
            before = get_current()
            try:
                await layer.receive(channel)
            finally:
                contexts.append(get_current() is before)

    channels = [await layer.new_channel() for _ in range(3)]
    consumers = [asyncio.create_task(consume(channel)) for channel in channels]
    await asyncio.sleep(0.1)
    await _cancel(consumers)
    await asyncio.sleep(0.1)
    tables = ("channels", "receive_buffer", "_channel_advisory_locks")
    sizes = [
        sum(channel in getattr(layer, table) for channel in channels)
        for table in tables
        if hasattr(layer, table)
    ]
    return all(contexts), sizes, _tasks() - tasks


async def _cancel(tasks: list[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _tasks() -> int:
    """Count the tasks; one that a layer keeps for each of its servers is not a consumer's."""
    names = [getattr(task.get_coro(), "__name__", "") for task in asyncio.all_tasks()]
    return len(names) - names.count("_do_receiving")


async def test_after_a_cancelled_consumer_the_others_hear(layer: Any, spans: CapturedSpans) -> None:
    gone, *others = await listen(layer)
    await _cancel([gone])
    await layer.group_send("room", EVENT)
    assert await asyncio.gather(*others) == [EVENT, EVENT]
