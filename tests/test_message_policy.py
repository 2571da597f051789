"""Which messages get spans: not heartbeats, not more than so many a second; errors always do."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from channels.layers import channel_layers
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry import baggage, trace
from opentelemetry.context import attach, get_current
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from otel_ws import Hooks
from otel_ws.streams import StreamMeter
from otel_ws.testing import CapturedSpans, capture_spans
from otel_ws_channels import TracedConsumer
from otel_ws_channels.layers import TracedChannelLayer

from .clocked import Clock, Clocked
from .drivers.say import converse
from .drivers.script import Hear, Leave, Say
from .measured import Metrics
from .test_channels import application

own = trace.get_tracer("application")


def name_of(scope: Any, message: Any) -> str | None:
    """Name a message by its first word."""
    return message["text"].split()[0] or None


def sequences(spans: CapturedSpans) -> list[int]:
    """Return which of the received messages have a span."""
    received = spans.named("websocket.receive")
    return [span.attributes["websocket.message.sequence"] for span in received]


# --- which messages -----------------------------------------------------------------------------


def test_a_message_is_kept_quiet_by_its_name(spans: CapturedSpans) -> None:
    client = Clocked(message_name=name_of, excluded_messages=["ping"])
    for text in ("order tea", "ping", "pinging", "ping again"):
        client.hear(text)
        client.say("an answer")
    client.leave()
    assert (
        spans
        == """
        GET /room
        websocket.open /room -> GET /room
        websocket.receive order -> GET /room
          websocket.send an
        websocket.receive pinging -> GET /room
          websocket.send an
        websocket.close -> GET /room
    """
    )
    assert sequences(spans) == [1, 3]


def test_a_message_is_kept_quiet_by_a_function(spans: CapturedSpans) -> None:
    client = Clocked(
        excluded_messages=lambda scope, message: (scope["path"], message["text"]) == ("/room", "♥")
    )
    client.hear("♥", "hello", "♥").leave()
    assert sequences(spans) == [2]


def test_a_function_that_raises_keeps_nothing_quiet(
    spans: CapturedSpans, our_log: list[str]
) -> None:
    def broken(scope: Any, message: Any) -> bool:
        raise LookupError("a bug of the user")

    Clocked(excluded_messages=broken).hear("1", "2").leave()
    assert sequences(spans) == [1, 2]
    assert our_log == [f"{broken.__qualname__} failed; tracing goes on without it"]


def test_so_many_messages_a_second_get_spans_on_each_connection(spans: CapturedSpans) -> None:
    clock = Clock()
    for _ in range(2):
        client = Clocked(clock=clock, message_rate=2)
        client.hear("1", "2", "3")  # what one second holds, and one more
        clock.forward(0.4)
        client.hear("4")
        clock.forward(0.1)
        client.hear("5", "6")
        clock.forward(60)
        client.hear("7", "8", "9").leave()
        assert sequences(spans) == [1, 2, 5, 7, 8]
        spans.clear()


def test_fewer_than_one_a_second_is_a_rate_too(spans: CapturedSpans) -> None:
    client = Clocked(message_rate=0.1)
    for _ in range(25):
        client.hear("hello")
        client.clock.forward(1)
    client.leave()
    assert sequences(spans) == [1, 11, 21]


def test_what_is_excluded_takes_nothing_from_the_rate(spans: CapturedSpans) -> None:
    client = Clocked(message_rate=1, message_name=name_of, excluded_messages=["ping"])
    client.hear("ping", "ping", "order", "order").leave()
    assert sequences(spans) == [3]


@settings(max_examples=100, derandomize=True, database=None, deadline=None)
@given(
    rate=st.floats(0.1, 20),
    waits=st.lists(st.floats(-2, 2, allow_nan=False), max_size=60),
)
def test_the_rate_is_never_exceeded_whatever_the_clock_does(
    rate: float, waits: list[float]
) -> None:
    with capture_spans() as spans:
        client = Clocked(message_rate=rate)
        began = forward = client.clock.now
        for wait in waits:
            client.clock.forward(wait)
            forward += max(0, round(wait * 1e9))
            client.hear("hello")
        client.leave()
    seconds = (forward - began) / 1e9
    assert len(sequences(spans)) <= max(1, rate) + rate * seconds + 1e-6
    assert not waits or sequences(spans)[0] == 1


# --- what is kept all the same ------------------------------------------------------------------


def test_a_message_that_fails_gets_its_span_after_all(spans: CapturedSpans) -> None:
    client = Clocked(message_rate=1).hear("1", "2")
    client.clock.forward(0.5)
    client.end(LookupError("a bug of the application"))
    assert spans.tree("websocket.message.sequence") == (
        "GET /room\n"
        "websocket.open /room -> GET /room\n"
        "websocket.receive /room -> GET /room {websocket.message.sequence=1}\n"
        "websocket.receive /room -> GET /room ! LookupError {websocket.message.sequence=2}\n"
        "websocket.close -> GET /room ! LookupError"
    )
    [failed] = [span for span in spans.named("websocket.receive") if span.events]
    assert failed.start_time == client.clock.now - 500_000_000


def test_a_cancellation_is_no_failure(spans: CapturedSpans) -> None:
    Clocked(excluded_messages=lambda *_: True).hear("1").end(asyncio.CancelledError())
    assert sequences(spans) == []


def test_a_message_that_takes_long_gets_its_span_after_all(spans: CapturedSpans) -> None:
    client = Clocked(message_rate=1, slow_message=0.5)
    for wait in (9, 0.499, 0.5, 0.2):
        client.hear("hello")
        client.clock.forward(wait)
    client.clock.now -= 10**9  # no second for the bucket
    client.leave()
    assert sequences(spans) == [1, 2, 3]


@pytest.mark.parametrize("model", ["session", "connection"])
def test_a_late_span_grows_from_what_it_would_have_grown_from(
    model: Any, spans: CapturedSpans
) -> None:
    client = Clocked(model=model, excluded_messages=lambda *_: True, slow_message=1)
    client.hear("slow")
    client.clock.forward(1)
    client.hear("quick").leave()
    [late] = spans.named("websocket.receive")
    [handshake] = spans.named("GET")
    if model == "session":
        assert (late.parent, late.links[0].context) == (None, handshake.context)
    else:
        assert late.parent == spans.named("websocket.connection")[0].context


# --- nothing below what is quiet ----------------------------------------------------------------


@pytest.mark.parametrize("inherit_sampling", [True, False])
async def test_nothing_below_a_quiet_message_is_recorded(
    inherit_sampling: bool, spans: CapturedSpans, settings: Any
) -> None:
    settings.OTEL_WS_INHERIT_SAMPLING = inherit_sampling
    layer = TracedChannelLayer("channels.layers.InMemoryChannelLayer")
    channel_layers.set("default", layer)

    class Room(TracedConsumer):
        groups = ("room",)

        async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
            with own.start_as_current_span("query"):
                await self.channel_layer.group_send("room", {"type": "said", "text": text_data})
            await self.send("done")

        async def said(self, event: Any) -> None:
            with own.start_as_current_span("render"):
                await self.send(event["text"])

    quiet = application(Room, excluded_messages=lambda scope, message: message["text"] == "ping")
    try:
        await converse(
            quiet, *(Say("ping"), Hear("ping"), Say("order"), Hear("done"), Hear("order"), Leave())
        )
    finally:
        channel_layers.backends.clear()
    if inherit_sampling:
        assert (
            spans
            == """
            GET /room
            websocket.open /room -> GET /room
            websocket.receive /room -> GET /room
              query
                group_send said
                  process said -> GET /room
                    render
                      websocket.send /room
              websocket.send /room
            websocket.close -> GET /room
        """
        )
    assert len(spans.named("group_send")) == len(spans.named("query")) == 1


def test_a_task_of_a_quiet_message_stays_quiet(spans: CapturedSpans) -> None:
    client = Clocked(excluded_messages=lambda *_: True).hear("subscribe")
    task = get_current()
    client.connection.receiving()
    attach(task)
    client.say("news")
    with own.start_as_current_span("query"):
        client.say("more")
    client.leave()
    assert spans.named("websocket.send") == spans.named("query") == []


def test_a_close_that_a_quiet_message_causes_is_still_the_one_close(spans: CapturedSpans) -> None:
    client = Clocked(excluded_messages=lambda *_: True).hear("bye")
    client.send({"type": "websocket.close", "code": 1000})
    client.end()
    assert (
        spans
        == """
        GET /room
        websocket.open /room -> GET /room
        websocket.close -> GET /room
    """
    )


def test_a_stream_of_a_quiet_message_is_measured_and_has_no_span(spans: CapturedSpans) -> None:
    metrics = Metrics()
    client = Clocked(excluded_messages=lambda *_: True, meter_provider=metrics.provider)
    client.hear("ping")
    with StreamMeter("reply") as meter:
        client.clock.forward(0.25)
        client.say("a", "b")
    client.leave()
    assert meter.measures.time_to_first_chunk == 0.25
    assert spans.named("websocket.stream") == []
    [(attributes, count)] = metrics.read()["websocket.server.stream.time_to_first_chunk"]
    assert (attributes["websocket.stream.name"], count) == ("reply", 1)


def test_baggage_goes_through_a_quiet_message(spans: CapturedSpans) -> None:
    client = Clocked(excluded_messages=lambda *_: True)
    client.connection.receiving()
    attach(baggage.set_baggage("tenant", "7"))
    client.connection.received({"type": "websocket.receive", "text": "ping"})
    assert baggage.get_baggage("tenant") == "7"
    assert trace.get_current_span().get_span_context().is_valid
    client.connection.receiving()
    assert baggage.get_baggage("tenant") == "7"
    assert not trace.get_current_span().get_span_context().is_valid
    client.leave()


def test_a_sampler_that_asks_no_parent_records_the_applications_own_spans() -> None:
    """The limit of the promise: it is the SDK's `ParentBased` that keeps them quiet."""
    provider = TracerProvider(sampler=ALWAYS_ON)
    with capture_spans(provider) as spans:
        client = Clocked(excluded_messages=lambda *_: True, tracer_provider=provider).hear("ping")
        with provider.get_tracer("application").start_as_current_span("query"):
            client.say("pong")
        client.leave()
    assert [span.name for span in spans if "/room" not in span.name] == ["query", "websocket.close"]


# --- age, hooks, metrics ------------------------------------------------------------------------


def cut(client: Clocked) -> None:
    client.clock.forward(61)
    client.connection.cut()


def test_a_quiet_message_that_is_cut_by_age_stays_quiet(spans: CapturedSpans) -> None:
    client = Clocked(excluded_messages=lambda *_: True).hear("subscribe")
    client.say("before")
    cut(client)
    client.say("after")
    client.leave()
    assert sequences(spans) == []
    assert spans.named("websocket.send") == []


def test_a_slow_message_that_is_cut_is_what_its_later_sends_link_to(spans: CapturedSpans) -> None:
    client = Clocked(excluded_messages=lambda *_: True, slow_message=1).hear("subscribe")
    client.say("before")
    cut(client)
    client.say("after")
    client.leave()
    assert spans.tree("websocket.message.cut") == (
        "GET /room\n"
        "websocket.open /room -> GET /room\n"
        "websocket.receive /room -> GET /room {websocket.message.cut=True}\n"
        "websocket.send /room -> GET /room -> websocket.receive /room\n"
        "websocket.close -> GET /room"
    )


def test_a_hook_sees_a_span_that_records_nothing(spans: CapturedSpans) -> None:
    seen: list[bool] = []

    def on_message(span: Any, scope: Any, message: Any) -> None:
        seen.append(span.is_recording())
        span.set_attribute("tenant", "7")

    client = Clocked(message_rate=1, hooks=Hooks(on_message=on_message)).hear("1", "2")
    client.leave()
    assert seen == [True, False]
    assert sequences(spans) == [1]


@pytest.mark.parametrize("level", ["connection", "message"])
def test_metrics_count_every_message_quiet_or_not(level: Any) -> None:
    metrics = Metrics()
    client = Clocked(message_rate=1, metrics=level, meter_provider=metrics.provider)
    for _ in range(5):
        client.hear("hello").say("hello")
    client.leave()
    read = metrics.read()
    assert [count for _, count in read["websocket.server.messages"]] == [5, 5]
    if level == "message":
        assert [count for _, count in read["websocket.server.message.process.duration"]] == [5]
        assert [count for _, count in read["websocket.server.message.send.duration"]] == [5]
        assert [count for _, count in read["websocket.server.message.size"]] == [5, 5]
