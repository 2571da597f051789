"""Streams: what is a chunk of which, and what is measured of it."""

from __future__ import annotations

import asyncio
import contextvars
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.context import attach, get_current, set_value

from otel_ws import Config, Connection
from otel_ws.streams import StreamMeasures, StreamMeter, meter_stream
from otel_ws.testing import CapturedSpans

from .clocked import Clock, Clocked
from .drivers.say import converse
from .drivers.script import Hear, Leave, Say
from .playing import scope_of
from .streaming import REASON, TRACED, Streamed, application, measured, send, tokens

# --- the measures -------------------------------------------------------------------------------


def test_the_measures_are_those_of_their_definitions(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")
    talk.clock.forward(0.2)  # the handler is busy before it opens the meter
    with StreamMeter("reply") as meter:
        for after, text in ((0.3, "Tea"), (0.1, " für"), (0.25, " zwei"), (0.05, ".")):
            send(talk, after, text)
        talk.clock.forward(5)  # nothing is sent any more
    talk.leave()
    assert measured(spans) == {
        "name": "reply",
        "chunk_count": 4,
        "size": 3 + 5 + 5 + 1,
        "time_to_first_chunk": pytest.approx(0.5),
        "time_to_last_chunk": pytest.approx(0.9),
        "average_chunk_interval": pytest.approx(0.4 / 3),
        "max_chunk_interval": pytest.approx(0.25),
        "end_reason": "complete",
    }
    for name, value in measured(spans).items():
        assert name in ("name", "end_reason") or getattr(meter.measures, name) == value


def test_the_times_of_the_chunks_are_kept_on_demand(spans: CapturedSpans) -> None:
    talk = Clocked(record_chunk_times=True).hear("order")
    with StreamMeter("reply") as meter:
        for _ in range(1002):
            send(talk, 0.001)
    talk.leave()
    times = measured(spans)["chunk_times"]
    assert times == meter.measures.chunk_times
    assert len(times) == 1000, "the rhythm of an endless stream is not kept for ever"
    assert times[:2] == (pytest.approx(0.001), pytest.approx(0.002))


def test_a_chunk_counts_when_the_server_has_taken_it(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")
    with StreamMeter("reply"):
        send(talk, 0.1, takes=0.4)
        send(talk, 0.0, takes=0.2)
    found = measured(spans)
    assert found["time_to_first_chunk"] == pytest.approx(0.5)
    assert found["max_chunk_interval"] == pytest.approx(0.2)


def test_the_span_lasts_from_the_message_to_the_last_chunk(spans: CapturedSpans) -> None:
    talk = Clocked()
    talk.clock.forward(1)
    arrived = talk.hear("order").clock.now
    talk.clock.forward(1)
    with StreamMeter("reply"):
        send(talk, 1)
        talk.clock.forward(1)
    (span,) = spans.named("websocket.stream")
    assert (span.start_time, span.end_time) == (arrived, arrived + 2_000_000_000)


def test_a_stream_without_chunks_has_a_count_and_no_times(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")
    with StreamMeter("reply") as meter:
        talk.clock.forward(1)
    assert measured(spans) == {
        "name": "reply",
        "chunk_count": 0,
        "size": 0,
        "end_reason": "complete",
    }
    assert meter.measures == StreamMeasures(0, 0, None, None, None, None)
    assert spans.named("websocket.stream")[0].end_time == talk.clock.now


def test_a_single_chunk_has_no_interval(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")
    with StreamMeter("reply") as meter:
        send(talk, 0.5)
    assert measured(spans).keys() == {
        *("name", "chunk_count", "size", "end_reason"),
        *("time_to_first_chunk", "time_to_last_chunk"),
    }
    assert meter.measures == StreamMeasures(1, 1, 0.5, 0.5, None, None)


def test_a_clock_that_is_set_back_makes_no_negative_times(spans: CapturedSpans) -> None:
    metrics = Streamed()
    talk = Clocked(meter_provider=metrics.provider, metrics="message").hear("order")
    with StreamMeter("reply") as meter:
        for after in (0.5, -2.0, 1.0):
            send(talk, after)
    assert meter.measures == StreamMeasures(3, 3, 0.5, 0.0, 0.0, 1.0)
    assert metrics.read()["chunk_interval"] == [("reply", None, 2, 1.0)]


def test_the_measures_may_be_read_while_the_stream_is_under_way(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")
    meter = StreamMeter("reply")
    assert meter.measures.chunk_count == 0
    with meter:
        send(talk, 0.5)
        assert meter.measures == StreamMeasures(1, 1, 0.5, 0.5, None, None)


# --- from when on it counts ---------------------------------------------------------------------


def test_every_message_counts_anew(spans: CapturedSpans) -> None:
    talk, found = Clocked(), []
    for seconds in (1.0, 3.0):
        talk.clock.forward(10)
        talk.hear("order")
        with StreamMeter("reply") as meter:
            send(talk, seconds)
        found.append((meter.measures.chunk_count, meter.measures.time_to_first_chunk))
    assert found == [(1, 1.0), (1, 3.0)]


def test_a_stream_may_count_from_a_time_that_is_given(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")
    talk.clock.forward(7)
    asked = talk.clock.now
    talk.clock.forward(1)
    with StreamMeter("reply", since=asked) as meter:
        send(talk, 0.5)
    list(meter_stream([], "loop", since=asked))
    assert meter.measures.time_to_first_chunk == 1.5
    assert [span.start_time for span in spans.named("websocket.stream")] == [asked, asked]


def test_before_the_first_message_a_stream_counts_from_the_acceptance(
    spans: CapturedSpans,
) -> None:
    talk = Clocked()
    talk.clock.forward(2)
    with StreamMeter("greeting") as meter:
        send(talk, 0.5)
    assert meter.measures.time_to_first_chunk == 2.5


def test_a_task_from_before_the_first_message_counts_from_the_opening_of_its_meter(
    spans: CapturedSpans,
) -> None:
    """It works for no message, and the acceptance may be hours ago."""
    talk = Clocked()
    ticker = contextvars.copy_context()
    talk.hear("order")

    def tick() -> None:
        talk.clock.forward(3600)
        with StreamMeter("tick") as meter:
            send(talk, 0.5)
        assert meter.measures.time_to_first_chunk == 0.5

    ticker.run(tick)
    assert len(spans.named("websocket.stream tick")) == 1


def test_a_message_that_was_cut_is_no_beginning(spans: CapturedSpans) -> None:
    talk = Clocked(max_message_age=60).hear("subscribe")
    talk.clock.forward(3600)
    talk.connection.cut()
    with StreamMeter("news") as meter:
        send(talk, 0.5)
    assert meter.measures.time_to_first_chunk == 0.5


# --- what is a chunk of what --------------------------------------------------------------------


def test_chunks_are_counted_in_the_totals_and_have_no_spans(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")
    with StreamMeter("reply"):
        talk.say("Tea", " for", " two")
    talk.say("end").leave()
    totals = ("websocket.sent.message_count", "websocket.sent.size")
    assert spans.tree(*REASON, *totals).splitlines() == [
        "GET /room",
        "websocket.open /room -> GET /room",
        "websocket.receive /room -> GET /room",
        "  websocket.stream reply "
        "{websocket.stream.chunk_count=3, websocket.stream.end_reason=complete}",
        "  websocket.send /room",
        "websocket.close -> GET /room {websocket.sent.message_count=4, websocket.sent.size=14}",
    ]


def test_a_stream_in_a_stream_has_chunks_of_its_own(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")
    with StreamMeter("outer") as outer:
        talk.say("1")
        with StreamMeter("inner") as inner:
            talk.say("2", "3")
        talk.say("4")
    assert (outer.measures.chunk_count, inner.measures.chunk_count) == (2, 2)
    assert (
        spans
        == """
        GET /room
        websocket.open /room -> GET /room
        websocket.receive /room -> GET /room (not ended)
          websocket.stream outer
            websocket.stream inner
    """
    )


def test_what_the_application_leaves_in_the_context_does_not_hide_the_outer_stream(
    spans: CapturedSpans,
) -> None:
    talk = Clocked().hear("order")
    with StreamMeter("outer") as outer:
        with StreamMeter("inner"):
            attach(set_value("user", "ada"))
        talk.say("1")
    assert outer.measures.chunk_count == 1
    assert get_current()["user"] == "ada"


def test_what_is_sent_over_another_connection_is_no_chunk(spans: CapturedSpans) -> None:
    """A reply that is told to a whole room is one stream, and what the room hears are sends."""
    listener = contextvars.copy_context().run(Clocked)
    talk = Clocked().hear("order")
    with StreamMeter("reply") as meter:
        talk.say("Tea")
        listener.say("Tea")
    assert meter.measures.chunk_count == 1
    assert len(spans.named("websocket.send")) == 1


def test_a_refused_send_is_no_chunk(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")
    with StreamMeter("reply") as meter:
        talk.say("Tea")
        talk.send({"type": "websocket.send", "text": "!"}, error=LookupError("a bug"))
    assert meter.measures.chunk_count == 1


async def test_streams_at_once_count_only_their_own(spans: CapturedSpans) -> None:
    async def handler(_: str, say: Any) -> None:
        async def reply(name: str) -> None:
            async for text in meter_stream(tokens(*name), name):
                await say(text)

        await asyncio.gather(*map(reply, ("a", "bb", "ccc", "dddd")))
        await say("end")

    await converse(application(handler), Say("go"), Hear("end"), Leave())
    assert (
        spans.tree(*REASON[:1])
        == """\
GET
websocket.open -> GET
websocket.receive -> GET
  websocket.stream a {websocket.stream.chunk_count=1}
  websocket.stream bb {websocket.stream.chunk_count=2}
  websocket.stream ccc {websocket.stream.chunk_count=3}
  websocket.stream dddd {websocket.stream.chunk_count=4}
  websocket.send
websocket.close -> GET"""
    )


async def test_threads_at_once_count_only_their_own(spans: CapturedSpans) -> None:
    async def handler(_: str, say: Any) -> None:
        loop = asyncio.get_running_loop()

        def reply(name: str) -> int:
            with StreamMeter(name) as meter:
                for text in name:
                    asyncio.run_coroutine_threadsafe(say(text), loop).result()
            return meter.measures.chunk_count

        names = ("a", "bb", "ccc", "dddd")
        counts = await asyncio.gather(*(asyncio.to_thread(reply, name) for name in names))
        await say(f"{counts}")

    heard = await converse(application(handler), Say("go"), Hear("[1, 2, 3, 4]"), Leave())
    assert len(heard) == 1 + 10 + 1
    assert len(spans.named("websocket.stream")) == 4
    assert len(spans.named("websocket.send")) == 1


def test_threads_that_open_meters_at_once_lose_none(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")

    def reply(_: int) -> int:
        with StreamMeter("reply") as meter:
            talk.say("Tea")
        return meter.measures.chunk_count

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            contexts = [contextvars.copy_context() for _ in range(400)]
            counts = list(pool.map(lambda context: context.run(reply, 0), contexts))
    finally:
        sys.setswitchinterval(before)
    assert counts == [1] * 400


async def test_tasks_that_are_started_inside_send_chunks_of_the_stream(
    spans: CapturedSpans,
) -> None:
    async def handler(_: str, say: Any) -> None:
        with StreamMeter("reply"):
            async with asyncio.TaskGroup() as group:
                for text in ("Tea", " for", " two"):
                    group.create_task(say(text))
            await asyncio.create_task(say("."))

    await converse(application(handler), Say("go"), Hear("."), Leave())
    assert measured(spans)["chunk_count"] == 4


async def test_a_task_that_goes_on_sending_belongs_to_no_later_stream(
    spans: CapturedSpans,
) -> None:
    """What caused it decides, and not what is open when it sends."""
    late: list[asyncio.Task[None]] = []
    again = asyncio.Event()

    async def handler(text: str, say: Any) -> None:
        async def linger() -> None:
            await again.wait()
            await say("late")

        with StreamMeter(text):
            if text == "first":
                late.append(asyncio.create_task(linger()))
                await say("1")
            else:
                again.set()
                await late.pop()
                await say("2")
        await say("end")

    await converse(
        application(handler), Say("first"), Hear("end"), Say("second"), Hear("end"), Leave()
    )
    assert (
        spans.tree(*REASON[:1])
        == """\
GET
websocket.open -> GET
websocket.receive -> GET
  websocket.stream first {websocket.stream.chunk_count=1}
    websocket.send
  websocket.send
websocket.receive -> GET
  websocket.stream second {websocket.stream.chunk_count=1}
  websocket.send
websocket.close -> GET"""
    )


async def test_a_wait_with_a_timeout_takes_no_chunk_away(spans: CapturedSpans) -> None:
    """`wait_for` asks for the next item in a task of its own on Python 3.11."""

    async def handler(_: str, say: Any) -> None:
        loop = meter_stream(tokens("Tea", " for", " two"), "reply")
        with suppress(StopAsyncIteration):
            while True:
                await say(await asyncio.wait_for(anext(loop), 5))

    await converse(application(handler), Say("go"), Hear(" two"), Leave())
    assert measured(spans)["chunk_count"] == 3


# --- meters -------------------------------------------------------------------------------------


def test_a_meter_may_be_used_again(spans: CapturedSpans) -> None:
    talk, meter, counts = Clocked().hear("order"), StreamMeter("reply"), []
    for texts in ("ab", "c"):
        with meter:
            talk.say(*texts)
        counts.append(meter.measures.chunk_count)
    assert counts == [2, 1]
    assert len(spans.named("websocket.stream")) == 2


def test_a_meter_that_is_open_already_is_told_so_and_goes_on(
    spans: CapturedSpans, our_log: list[str]
) -> None:
    talk, meter = Clocked().hear("order"), StreamMeter("reply")
    with meter:
        talk.say("a")
        with meter:
            talk.say("b")
        talk.say("c")
    talk.leave()
    assert our_log == ["the meter 'reply' is open already: make one for each stream"]
    assert measured(spans)["chunk_count"] == 2
    assert all(span.end_time for span in spans)


def test_outside_of_a_connection_nothing_is_measured_and_nothing_changes(
    spans: CapturedSpans,
) -> None:
    with StreamMeter("reply") as meter, suppress(LookupError):
        raise LookupError
    assert list(meter_stream("abc", "reply")) == ["a", "b", "c"]
    assert meter.measures == StreamMeasures(0, 0, None, None, None, None)
    assert len(spans) == 0


def test_without_anybody_who_listens_nothing_is_measured() -> None:
    config = Config(metrics="off", tracer_provider=trace.NoOpTracerProvider())
    connection = Connection(scope_of(), config)
    assert connection.told() is None
    attach(connection.context)
    del connection
    with StreamMeter("reply") as meter:
        pass
    assert meter.measures.chunk_count == 0


def test_without_spans_the_measures_are_the_same() -> None:
    found = []
    for settings in TRACED.values():
        clock, metrics = Clock(), Streamed()
        traced = {"turns": "none", "detailed": False} if "volume" in settings else {}
        talk = Clocked(
            clock=clock,
            **{"meter_provider": metrics.provider, "metrics": "message"},
            **traced,
            **{name: value for name, value in settings.items() if name != "volume"},
        ).hear("order")
        clock.forward(1)
        with StreamMeter("reply"):
            for after in (0.5, 0.1, 0.3):
                send(talk, after)
        found.append(metrics.read())
    assert found[0]["time_to_first_chunk"] == [("reply", "complete", 1, 1.5)]
    assert found[0]["chunk_interval"] == [("reply", None, 2, 0.4)]
    assert found == [found[0]] * 3


def test_the_metrics_lead_to_the_span_by_their_exemplars(spans: CapturedSpans) -> None:
    found = []
    for sampled in (True, False):
        metrics = Streamed()
        provider = {} if sampled else TRACED["unsampled"]
        talk = Clocked(meter_provider=metrics.provider, metrics="message", **provider)
        talk.hear("order")
        with StreamMeter("reply"):
            talk.say("a", "b")
        found.append([(e.trace_id, e.span_id) for p in _all(metrics) for e in p.exemplars])
    (span,) = spans.named("websocket.stream")
    assert found == [[(span.context.trace_id, span.context.span_id)] * 5, []]


def _all(metrics: Streamed) -> Iterator[Any]:
    for points in metrics.points().values():
        yield from points
