"""The setting `meter_turns`: a message that is answered by several is a stream without a name."""

from __future__ import annotations

import asyncio
import contextvars
from contextlib import nullcontext, suppress
from typing import Any

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON

from otel_ws.streams import StreamMeter
from otel_ws.testing import CapturedSpans, capture_spans

from .clocked import Clocked
from .drivers.say import converse
from .drivers.script import Hear, Leave, Say
from .streaming import REASON, STREAM, Streamed, application, measured, send, visit
from .test_stream_ends import ENDINGS


def metered(**settings: Any) -> Clocked:
    return Clocked(meter_turns=True, **settings)


def test_the_measures_are_those_of_a_stream(spans: CapturedSpans) -> None:
    talk = metered()
    talk.clock.forward(10)
    arrived = talk.hear("order").clock.now
    for after, text in ((0.5, "Tea"), (0.1, " für"), (0.3, " zwei")):
        send(talk, after, text)
    talk.clock.forward(5)
    talk.leave()
    assert measured(spans) == {
        "chunk_count": 3,
        "size": 13,
        "time_to_first_chunk": pytest.approx(0.5),
        "time_to_last_chunk": pytest.approx(0.9),
        "average_chunk_interval": pytest.approx(0.2),
        "max_chunk_interval": pytest.approx(0.3),
        "end_reason": "complete",
    }
    (span,) = spans.named("websocket.stream")
    assert (span.name, span.start_time) == ("websocket.stream", arrived)
    assert span.end_time == arrived + 900_000_000


def test_the_span_is_made_when_the_message_is_done(spans: CapturedSpans) -> None:
    talk = metered().hear("order").say("a", "b")
    assert spans.named("websocket.stream") == []
    talk.leave()
    assert (
        spans
        == """
        GET /room
        websocket.open /room -> GET /room
        websocket.receive /room -> GET /room
          websocket.send /room
          websocket.send /room
          websocket.stream
        websocket.close -> GET /room
    """
    )


@pytest.mark.parametrize("answers", [(), ("Tea",)], ids=["none", "one"])
def test_a_single_answer_is_no_stream(answers: Any, spans: CapturedSpans) -> None:
    metrics = Streamed()
    metered(meter_provider=metrics.provider).hear("order").say(*answers).leave()
    assert spans.named("websocket.stream") == []
    assert metrics.read() == {}


def test_nothing_is_metered_unless_it_is_asked_for(spans: CapturedSpans) -> None:
    Clocked().hear("order").say("a", "b", "c").leave()
    assert spans.named("websocket.stream") == []


def test_what_is_sent_before_the_first_message_answers_none(spans: CapturedSpans) -> None:
    metered().say("welcome", "here", "you are").leave()
    assert spans.named("websocket.stream") == []


def test_only_what_the_message_has_caused_counts(spans: CapturedSpans) -> None:
    """A push of somebody else's is no answer to the message that happens to be handled."""
    talk = metered()
    elsewhere = contextvars.copy_context()
    talk.hear("order").say("a")
    elsewhere.run(talk.say, "push", "push")
    talk.say("b").leave()
    assert measured(spans)["chunk_count"] == 2


def test_what_its_code_sends_elsewhere_is_no_answer(spans: CapturedSpans) -> None:
    """A handler that is a client of another service talks there, and not to its own client."""
    talk = metered().hear("order")
    inside, outside = contextvars.copy_context(), contextvars.copy_context()
    other = outside.run(metered)
    inside.run(other.say, "a question", "another")
    talk.say("a").leave()
    assert spans.named("websocket.stream") == []


async def test_a_task_counts_for_the_message_that_has_started_it(spans: CapturedSpans) -> None:
    go = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []

    async def handler(text: str, say: Any) -> None:
        async def linger() -> None:
            await say("at once")
            await go.wait()
            await say("late")

        if text == "first":
            tasks.append(asyncio.create_task(linger()))
            await asyncio.sleep(0)
        else:
            go.set()
            await tasks[0]
        await say(text)

    app = application(handler, meter_turns=True)
    await converse(app, Say("first"), Hear("first"), Say("second"), Hear("second"), Leave())
    assert (
        spans.tree(*REASON)
        == """\
GET
websocket.open -> GET
websocket.receive -> GET
  websocket.send
  websocket.send
  websocket.stream {websocket.stream.chunk_count=2, websocket.stream.end_reason=complete}
  websocket.send
websocket.receive -> GET
  websocket.send
websocket.close -> GET"""
    )


def test_the_chunks_of_a_meter_are_none_of_the_message(spans: CapturedSpans) -> None:
    talk = metered().hear("order").say("one moment")
    with StreamMeter("reply"):
        talk.say("a", "b", "c")
    talk.say("end").leave()
    assert (
        spans.tree(STREAM + "chunk_count")
        == """\
GET /room
websocket.open /room -> GET /room
websocket.receive /room -> GET /room
  websocket.send /room
  websocket.stream reply {websocket.stream.chunk_count=3}
  websocket.send /room
  websocket.stream {websocket.stream.chunk_count=2}
websocket.close -> GET /room"""
    )


def test_a_message_that_is_cut_is_measured_up_to_then(spans: CapturedSpans) -> None:
    """How it ends nobody knows, and what is sent later is no part of it."""
    metrics = Streamed()
    talk = metered(max_message_age=60, meter_provider=metrics.provider).hear("subscribe")
    send(talk, 10)
    send(talk, 20)
    talk.clock.forward(31)
    talk.connection.cut()
    talk.say("later", "later").leave()
    assert measured(spans) == {
        "chunk_count": 2,
        "size": 2,
        "time_to_first_chunk": pytest.approx(10),
        "time_to_last_chunk": pytest.approx(30),
        "average_chunk_interval": pytest.approx(20),
        "max_chunk_interval": pytest.approx(20),
    }
    (span,) = spans.named("websocket.stream")
    assert span.attributes["websocket.message.cut"] is True
    assert metrics.read()["chunk_count"] == [(None, None, 1, 2)]


@pytest.mark.parametrize("reason", ENDINGS)
async def test_each_kind_of_end_is_counted_apart(reason: str, spans: CapturedSpans) -> None:
    (ends, raised), metrics = ENDINGS[reason], Streamed()

    async def handler(_: str, say: Any) -> None:
        await say("a")
        await say("b")
        await ends(say)

    app = application(handler, meter_turns=True, meter_provider=metrics.provider)
    with pytest.raises(raised) if raised else nullcontext():
        await visit(app, "order")
    assert measured(spans)["end_reason"] == reason
    assert metrics.read()["chunk_count"] == [(None, reason, 1, 2)]


def test_a_message_that_is_kept_quiet_is_measured_without_a_span() -> None:
    """Whatever the sampler thinks of parents."""
    metrics, provider = Streamed(), TracerProvider(sampler=ALWAYS_ON)
    with capture_spans(provider) as spans:
        talk = metered(
            meter_provider=metrics.provider,
            tracer_provider=provider,
            excluded_messages=lambda scope, message: True,
        )
        talk.hear("order").say("a", "b").leave()
    assert [span.name.partition(" ")[0] for span in spans] == [
        "GET",
        "websocket.open",
        "websocket.close",
    ]
    assert metrics.read()["chunk_count"] == [(None, "complete", 1, 2)]


@pytest.mark.parametrize(
    "settings",
    [{"tracer_provider": TracerProvider(sampler=ALWAYS_OFF)}, {"turns": "none", "detailed": False}],
    ids=["unsampled", "handshakes alone"],
)
def test_where_no_message_is_traced_no_message_is_metered(settings: Any) -> None:
    """There is no context of a message there that would tell whose answer something is."""
    metrics = Streamed()
    talk = metered(meter_provider=metrics.provider, **settings)
    talk.hear("order").say("a", "b").leave()
    assert metrics.read() == {}


def test_a_message_that_fails_is_an_error_on_both_spans(spans: CapturedSpans) -> None:
    talk = metered().hear("order").say("a", "b")
    with suppress(LookupError):
        try:
            raise LookupError("a bug")
        except LookupError as error:
            talk.end(error)
            raise
    failed = [span.name for span in spans if not span.status.is_ok]
    assert failed == ["websocket.receive /room", "websocket.stream", "websocket.close"]
    assert [span.name for span in spans if span.events] == ["websocket.receive /room"]
