"""A connection's span that gives way to the next, in the model `connection`.

Each segment is the root of a trace of its own, with links to the one before and to the handshake.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from channels.layers import channel_layers
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.context import attach, get_current

from otel_ws.streams import StreamMeter
from otel_ws.testing import CapturedSpans, capture_spans
from otel_ws_channels import TracedConsumer
from otel_ws_channels.layers import TracedChannelLayer

from .clocked import Clocked
from .drivers.say import converse
from .drivers.script import Hear, Leave, Say
from .test_channels import application

SEGMENT = "websocket.connection.segment"


def rolling(**settings: Any) -> Clocked:
    return Clocked(model="connection", **settings)


def test_after_so_many_messages_the_next_begins_a_new_segment(spans: CapturedSpans) -> None:
    rolling(rollover_messages=2).hear("1", "2", "3", "4", "5").leave()
    assert spans.tree(SEGMENT, "websocket.message.sequence") == (
        "GET /room\n"
        "  websocket.connection /room\n"
        "    websocket.open /room\n"
        "    websocket.receive /room {websocket.message.sequence=1}\n"
        "    websocket.receive /room {websocket.message.sequence=2}\n"
        "websocket.connection /room -> websocket.connection /room -> GET /room "
        "{websocket.connection.segment=2}\n"
        "  websocket.receive /room {websocket.message.sequence=3}\n"
        "  websocket.receive /room {websocket.message.sequence=4}\n"
        "websocket.connection /room -> websocket.connection /room -> GET /room "
        "{websocket.connection.segment=3}\n"
        "  websocket.receive /room {websocket.message.sequence=5}\n"
        "  websocket.close"
    )


def test_a_segment_links_to_the_one_before_it_and_to_the_handshake(spans: CapturedSpans) -> None:
    rolling(rollover_messages=1).hear("1", "2", "3").leave()
    [handshake] = spans.named("GET")
    segments = spans.named("websocket.connection")
    assert len({segment.context.trace_id for segment in segments}) == 3
    for before, segment in pairwise(segments):
        assert [(link.context, *link.attributes.values()) for link in segment.links] == [
            (before.context, "previous"),
            (handshake.context, "handshake"),
        ]
    assert len({span.attributes["websocket.session.id"] for span in spans}) == 1


def test_after_so_many_seconds_the_next_message_begins_a_new_segment(
    spans: CapturedSpans,
) -> None:
    client = rolling(rollover_seconds=60)
    for wait in (0, 59, 1, 59, 3600):
        client.clock.forward(wait)
        if wait < 3600:
            client.hear("hello")
    client.leave()
    assert (
        spans
        == """
        GET /room
          websocket.connection /room
            websocket.open /room
            websocket.receive /room
            websocket.receive /room
        websocket.connection /room -> websocket.connection /room -> GET /room
          websocket.receive /room
          websocket.receive /room
          websocket.close
    """
    )


def test_by_age_or_by_count_whichever_comes_first(spans: CapturedSpans) -> None:
    client = rolling(rollover_seconds=60, rollover_messages=3).hear("1", "2")
    client.clock.forward(61)
    client.hear("3", "4", "5", "6").leave()
    assert counts(spans) == [2, 3, 1]


def counts(spans: CapturedSpans) -> list[int]:
    """Return how many messages each segment has."""
    segments = spans.named("websocket.connection")
    received = spans.named("websocket.receive")
    return [sum(span.parent == each.context for span in received) for each in segments]


def test_a_connection_of_pushes_only_rolls_over_by_age(spans: CapturedSpans) -> None:
    client = rolling(rollover_seconds=60)
    client.connection.receiving()  # it is done with what follows the accept
    for text in ("a", "b", "c"):
        client.say(text)
        client.clock.forward(60)
    client.leave()
    assert (
        spans
        == """
        GET /room
          websocket.connection /room
            websocket.open /room
            websocket.send /room
        websocket.connection /room -> websocket.connection /room -> GET /room
          websocket.send /room
        websocket.connection /room -> websocket.connection /room -> GET /room
          websocket.send /room
          websocket.close
    """
    )


def test_what_a_message_causes_stays_in_its_segment(spans: CapturedSpans) -> None:
    client = rolling(rollover_messages=1).hear("subscribe")
    subscription = get_current()  # as a task has it that is made now
    client.hear("another")
    before = get_current()
    attach(subscription)
    client.say("news")
    attach(before)
    client.leave()
    assert (
        spans
        == """
        GET /room
          websocket.connection /room
            websocket.open /room
            websocket.receive /room
              websocket.send /room
        websocket.connection /room -> websocket.connection /room -> GET /room
          websocket.receive /room
          websocket.close
    """
    )


def test_a_task_of_nobody_follows_the_connection_into_the_next_segment(
    spans: CapturedSpans,
) -> None:
    client = rolling(rollover_messages=1)
    accepted = get_current()  # as a task has it that is made in the connect handler
    client.connection.receiving()
    settled = get_current()
    client.hear("1", "2")
    for context in (accepted, settled):
        attach(context)
        client.say("news")
    client.leave()
    assert [span.parent for span in spans.named("websocket.send")] == [
        spans.named("websocket.connection")[-1].context
    ] * 2


def test_an_open_stream_goes_on_across_a_roll(spans: CapturedSpans) -> None:
    client = rolling(rollover_seconds=60)
    client.connection.receiving()
    with StreamMeter("news") as meter:
        for text in ("a", "b", "c"):
            client.say(text)
            client.clock.forward(61)
    client.say("after it")
    client.leave()
    assert meter.measures.chunk_count == 3
    assert (
        spans.tree("websocket.stream.chunk_count") == "GET /room\n"
        "  websocket.connection /room\n"
        "    websocket.open /room\n"
        "    websocket.stream news {websocket.stream.chunk_count=3}\n"
        "websocket.connection /room -> websocket.connection /room -> GET /room\n"
        "  websocket.send /room\n"
        "  websocket.close"
    )


async def test_events_roll_a_connection_over_as_messages_do(
    spans: CapturedSpans,
) -> None:
    layer = TracedChannelLayer("channels.layers.InMemoryChannelLayer")
    channel_layers.set("default", layer)

    class Room(TracedConsumer):
        groups = ("room",)

        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            await self.channel_layer.group_send("room", {"type": "said", "text": text_data})

        async def said(self, event: Any) -> None:
            await self.send(event["text"])

    try:
        await converse(
            application(Room, model="connection", rollover_messages=1),
            *(Say("one"), Hear("one"), Say("two"), Hear("two"), Leave()),
        )
    finally:
        channel_layers.backends.clear()
    assert (
        spans
        == """
        GET /room
          websocket.connection /room
            websocket.open /room
            websocket.receive /room
              group_send said
        websocket.connection /room -> websocket.connection /room -> GET /room
          process said -> group_send said
            websocket.send /room
          websocket.receive /room
            group_send said
        websocket.connection /room -> websocket.connection /room -> GET /room
          process said -> group_send said
            websocket.send /room
          websocket.close
    """
    )


def test_in_the_model_session_there_is_nothing_to_roll_over(spans: CapturedSpans) -> None:
    client = Clocked(rollover_messages=1, rollover_seconds=1).hear("1", "2")
    client.clock.forward(60)
    client.hear("3").leave()
    assert (
        spans
        == """
        GET /room
        websocket.open /room -> GET /room
        websocket.receive /room -> GET /room
        websocket.receive /room -> GET /room
        websocket.receive /room -> GET /room
        websocket.close -> GET /room
    """
    )


def test_a_failure_is_told_by_the_last_segment_only(spans: CapturedSpans) -> None:
    client = rolling(rollover_messages=1).hear("1", "2")
    client.end(LookupError("a bug of the application"))
    errors = [span.attributes.get("error.type") for span in spans.named("websocket.connection")]
    assert errors == [None, "LookupError"]


STEPS = st.lists(st.sampled_from(["hear", "say", "wait"]), max_size=40)


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(steps=STEPS, messages=st.none() | st.integers(1, 5), seconds=st.none() | st.integers(1, 5))
def test_however_it_goes_segments_are_a_chain_and_none_is_too_long(
    steps: list[str], messages: int | None, seconds: int | None
) -> None:
    with capture_spans() as spans:
        client = rolling(rollover_messages=messages, rollover_seconds=seconds)
        for step in steps:
            if step == "wait":
                client.clock.forward(1)
            else:
                getattr(client, step)("hello")
        client.leave()
    segments = spans.named("websocket.connection")
    assert all(span.end_time for span in spans)
    assert [each.attributes.get(SEGMENT, 1) for each in segments] == [*range(1, len(segments) + 1)]
    assert sum(counts(spans)) == steps.count("hear")
    assert messages is None or max(counts(spans)) <= messages
    assert (messages, seconds) != (None, None) or len(segments) == 1
