"""How streams end, how loops are left, and what is kept of them."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing, nullcontext, suppress
from typing import Any

import pytest
from opentelemetry import trace

from otel_ws import current_session
from otel_ws._stream import Stream
from otel_ws.streams import StreamMeter, meter_stream
from otel_ws.testing import CapturedSpans

from .clocked import Clocked
from .drivers.say import converse
from .drivers.script import Hear, Leave, Say
from .streaming import REASON, TRACED, Streamed, application, measured, tokens, visit

# --- how a stream ends --------------------------------------------------------------------------


async def fail(say: Any) -> None:
    raise LookupError("a bug of the application")


async def cancel(say: Any) -> None:
    asyncio.current_task().cancel()  # type: ignore[union-attr]
    await asyncio.sleep(0)


async def go_on(say: Any) -> None:
    pass


async def lose_the_peer(say: Any) -> None:
    await say("gone")


ENDINGS: dict[str, tuple[Any, type[BaseException] | None]] = {
    "complete": (go_on, None),
    "error": (fail, LookupError),
    "cancelled": (cancel, asyncio.CancelledError),
    "disconnected": (lose_the_peer, OSError),
}


async def with_a_meter(ends: Any, say: Any) -> None:
    with StreamMeter("reply"):
        await say("Tea")
        await ends(say)


async def with_a_loop(ends: Any, say: Any) -> None:
    async for text in meter_stream(tokens("Tea"), "reply"):
        await say(text)
        await ends(say)


async def with_a_sync_loop(ends: Any, say: Any) -> None:
    for text in meter_stream(["Tea"], "reply"):
        await say(text)
        await ends(say)


SHAPES = {"a meter": with_a_meter, "a loop": with_a_loop, "a sync loop": with_a_sync_loop}


@pytest.mark.parametrize("traced", TRACED)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("reason", ENDINGS)
async def test_each_kind_of_end_is_counted_apart(
    reason: str, shape: str, traced: str, spans: CapturedSpans
) -> None:
    (ends, raised), metrics = ENDINGS[reason], Streamed()

    async def handler(_: str, say: Any) -> None:
        await SHAPES[shape](ends, say)

    app = application(handler, meter_provider=metrics.provider, **TRACED[traced])
    with pytest.raises(raised) if raised else nullcontext():
        await visit(app, "order")
    found = {name: [point[:3] for point in points] for name, points in metrics.read().items()}
    assert found == {
        name: [("reply", reason, 1)]
        for name in ("time_to_first_chunk", "time_to_last_chunk", "chunk_count")
    }
    if traced == "traced":
        (span,) = spans.named("websocket.stream")
        assert measured(spans)["end_reason"] == reason
        assert span.status.is_ok == (reason != "error")
        assert [event.name for event in span.events] == ["exception"] * (reason == "error")
        assert span.end_time
    else:
        assert spans.named("websocket.stream") == []


def untraced(metrics: Streamed) -> Clocked:
    return Clocked(turns="none", detailed=False, meter_provider=metrics.provider).hear("order")


def reasons(metrics: Streamed) -> list[str]:
    return [reason for _, reason, *_ in metrics.read()["chunk_count"]]


def leave_a_loop(talk: Clocked) -> None:
    for text in meter_stream("ab", "left"):
        talk.say(text)
        break


def test_without_turns_what_fails_later_has_not_left_a_loop() -> None:
    """The next send, stream or message tells that the application has gone on."""
    ways_on: list[Callable[[Clocked], Any]] = [
        lambda talk: talk.say("end"),
        lambda talk: StreamMeter("next").__enter__(),
        lambda talk: talk.hear("again"),
    ]
    for go_on in ways_on:
        metrics = Streamed()
        talk = untraced(metrics)
        leave_a_loop(talk)
        assert metrics.read() == {}
        go_on(talk)
        talk.end(LookupError("a bug"))
        assert "cancelled" in reasons(metrics)
        assert metrics.read()["time_to_first_chunk"] == [("left", "cancelled", 1, 0)]


def test_without_turns_a_loop_that_is_left_before_the_client_leaves_is_cancelled() -> None:
    metrics = Streamed()
    talk = untraced(metrics)
    leave_a_loop(talk)
    talk.leave()
    assert reasons(metrics) == ["cancelled"]


def test_an_exception_is_recorded_on_the_stream_and_nowhere_else(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")
    error = LookupError("a bug")
    with suppress(LookupError), StreamMeter("reply"):
        raise error
    talk.end(error)
    assert [span.name for span in spans if span.events] == ["websocket.stream reply"]
    assert spans.named("websocket.receive")[0].status.is_ok is False


async def test_a_stream_that_goes_on_after_its_connection_is_disconnected(
    spans: CapturedSpans,
) -> None:
    talk = Clocked().hear("order")

    async def listen() -> None:
        talk.leave()

    with StreamMeter("reply"):
        talk.say("Tea")
        await asyncio.create_task(listen())
        talk.say("for nobody")
    assert measured(spans)["end_reason"] == "disconnected"
    assert measured(spans)["chunk_count"] == 1


def test_what_ends_the_connection_ends_its_streams(spans: CapturedSpans) -> None:
    talk = Clocked()
    meter = StreamMeter("ticker")
    contextvars.copy_context().run(meter.__enter__)
    talk.end(LookupError("a bug"))
    assert measured(spans)["end_reason"] == "error"
    meter.__exit__(None, None, None)
    assert len(spans.named("websocket.stream")) == 1


# --- loops that are left ------------------------------------------------------------------------


def loops(talk: Clocked) -> dict[str, Callable[[], Any]]:
    def by_break() -> None:
        for text in meter_stream("abc", "reply"):
            talk.say(text)
            if text == "b":
                break

    def by_return() -> str:
        for text in meter_stream("abc", "reply"):
            talk.say(text)
            if text == "b":
                return text
        return ""

    def by_a_caught_exception() -> None:
        with suppress(LookupError):
            for text in meter_stream("abc", "reply"):
                talk.say(text)
                if text == "b":
                    raise LookupError

    def by_close() -> None:
        with closing(meter_stream("abc", "reply")) as loop:
            talk.say(next(loop), next(loop))
        assert list(loop) == ["c"]

    return {
        function.__name__: function
        for function in (by_break, by_return, by_a_caught_exception, by_close)
    }


@pytest.mark.parametrize(
    "way", ["by_break", "by_return", "by_a_caught_exception", "by_close"], ids=str
)
def test_a_loop_that_is_left_is_cancelled_and_counts_no_more(
    way: str, spans: CapturedSpans
) -> None:
    talk = Clocked().hear("order")
    loops(talk)[way]()
    left = talk.clock.now
    talk.clock.forward(10)
    talk.say("end").leave()
    assert (
        spans.tree(*REASON)
        == """\
GET /room
websocket.open /room -> GET /room
websocket.receive /room -> GET /room
  websocket.stream reply {websocket.stream.chunk_count=2, websocket.stream.end_reason=cancelled}
  websocket.send /room
websocket.close -> GET /room"""
    )
    assert spans.named("websocket.stream")[0].end_time == left


def test_a_loop_that_is_left_by_what_ends_the_message_has_failed(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")
    try:
        for text in meter_stream("abc", "reply"):
            talk.say(text)
            raise LookupError("a bug")
    except LookupError as error:
        talk.end(error)
    assert measured(spans)["end_reason"] == "error"


def test_a_loop_that_is_kept_in_a_variable_ends_with_its_message(spans: CapturedSpans) -> None:
    """Nobody tells that it was left: until then what is sent is a chunk of it."""
    talk = Clocked().hear("order")
    loop = meter_stream("abc", "reply")
    for text in loop:
        talk.say(text)
        break
    talk.say("end")
    talk.hear("again").say("answer").leave()
    assert list(loop) == ["b", "c"]
    assert (
        spans.tree(*REASON)
        == """\
GET /room
websocket.open /room -> GET /room
websocket.receive /room -> GET /room
  websocket.stream reply {websocket.stream.chunk_count=2, websocket.stream.end_reason=cancelled}
websocket.receive /room -> GET /room
  websocket.send /room
websocket.close -> GET /room"""
    )


def test_loops_that_are_kept_end_from_the_inside(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")
    outer, inner = meter_stream("ab", "outer"), meter_stream("ab", "inner")
    talk.say(next(outer)).say(next(inner))
    talk.hear("again")
    assert trace.get_current_span() is spans.named("websocket.receive")[1]
    talk.say("answer").leave()
    assert (
        spans.tree(*REASON)
        == """\
GET /room
websocket.open /room -> GET /room
websocket.receive /room -> GET /room
  websocket.stream outer {websocket.stream.chunk_count=1, websocket.stream.end_reason=cancelled}
    websocket.stream inner {websocket.stream.chunk_count=1, websocket.stream.end_reason=cancelled}
websocket.receive /room -> GET /room
  websocket.send /room
websocket.close -> GET /room"""
    )


async def test_a_loop_in_a_task_is_not_ended_by_the_message_that_it_outlives(
    spans: CapturedSpans,
) -> None:
    """As long as the handler listens for "stop" while a task streams, its turns are short."""
    running = asyncio.Event()
    tasks: list[asyncio.Task[None]] = []

    async def handler(text: str, say: Any) -> None:
        async def reply() -> None:
            async for token in meter_stream(tokens(*"abcd"), "reply"):
                await say(token)
                if token == "b":
                    await running.wait()

        if text == "go":
            tasks.append(asyncio.create_task(reply()))
            while len(spans.named("websocket.stream")) == 0:
                await asyncio.sleep(0)
        else:
            running.set()
            await asyncio.gather(*tasks)

    await converse(application(handler), Say("go"), Hear("b"), Say("on"), Hear("d"), Leave())
    found = measured(spans)
    assert (found["chunk_count"], found["end_reason"]) == (4, "complete")
    assert len(spans.named("websocket.send")) == 0


@pytest.mark.parametrize("is_left_first", [True, False])
def test_a_loop_that_is_left_in_a_message_that_is_cut_ends(
    is_left_first: bool, spans: CapturedSpans
) -> None:
    talk = Clocked(max_message_age=60).hear("subscribe")
    loop = iter(meter_stream("ab", "news"))
    talk.say(next(loop))
    if is_left_first:
        del loop
    talk.clock.forward(61)
    talk.connection.cut()
    if not is_left_first:
        assert spans.named("websocket.stream")[0].end_time is None
        talk.say(next(loop))
        del loop
    assert measured(spans)["chunk_count"] == (1 if is_left_first else 2)
    assert spans.named("websocket.stream")[0].end_time


async def test_aclose_leaves_the_loop_and_closes_the_source(spans: CapturedSpans) -> None:
    closed: list[str] = []

    async def source() -> AsyncIterator[str]:
        try:
            yield "a"
            yield "b"
        finally:
            closed.append("source")

    async def handler(_: str, say: Any) -> None:
        async with aclosing(meter_stream(source(), "reply")) as loop:
            async for text in loop:
                await say(text)
                break
        await say(f"{closed}")

    await converse(application(handler), Say("go"), Hear("['source']"), Leave())
    assert measured(spans)["chunk_count"] == 1


# --- sources ------------------------------------------------------------------------------------


class Items:
    """An async iterator that cannot be closed."""

    def __init__(self, *items: Any) -> None:
        self.items = iter(items)

    def __aiter__(self) -> Items:
        return self

    async def __anext__(self) -> Any:
        for item in self.items:
            return item
        raise StopAsyncIteration


async def every(loop: Any) -> list[Any]:
    return [item async for item in loop] if hasattr(loop, "__anext__") else list(loop)


ITEMS = (object(), None, b"\0", ["x"], StopIteration)


@pytest.mark.parametrize(
    "source",
    [lambda: list(ITEMS), lambda: iter(ITEMS), lambda: dict.fromkeys(map(repr, ITEMS))],
    ids=["list", "iterator", "mapping"],
)
async def test_a_loop_hands_on_what_a_sync_source_has(source: Callable[[], Any]) -> None:
    Clocked().hear("order")
    assert await every(meter_stream(source(), "reply")) == list(source())


async def test_a_loop_hands_on_what_an_async_source_has() -> None:
    Clocked().hear("order")
    loop = meter_stream(Items(*ITEMS), "reply")
    assert [item is each for item, each in zip(await every(loop), ITEMS, strict=True)]
    assert await every(loop) == []
    await loop.aclose()
    meter_stream([], "reply").close()


@pytest.mark.parametrize("error", [LookupError("a bug"), KeyboardInterrupt(), GeneratorExit()])
async def test_what_a_source_raises_is_raised_and_ends_the_stream(
    error: BaseException, spans: CapturedSpans
) -> None:
    talk = Clocked().hear("order")

    def source() -> Iterator[str]:
        yield "a"
        raise error

    async def asource() -> AsyncIterator[str]:
        yield "a"
        raise error

    for loop in (meter_stream(source(), "sync"), meter_stream(asource(), "async")):
        with pytest.raises(type(error)) as raised:
            await every(loop)
        assert raised.value is error
    talk.say("end")
    expected = "error" if isinstance(error, Exception) else "cancelled"
    found = [span.attributes[REASON[1]] for span in spans.named("websocket.stream")]
    assert found == [expected, expected]
    assert len(spans.named("websocket.send")) == 1


@pytest.mark.parametrize("source", [7, None, object()])
def test_what_cannot_be_iterated_is_refused_as_by_iter(source: Any) -> None:
    with pytest.raises(TypeError, match="not iterable"):
        meter_stream(source, "reply")


def test_a_loop_that_was_never_begun_is_no_stream(spans: CapturedSpans) -> None:
    talk = Clocked().hear("order")
    loop = meter_stream("abc", "reply")
    talk.say("end")
    del loop
    talk.leave()
    assert spans.named("websocket.stream") == []


# --- what is kept -------------------------------------------------------------------------------


def kept_streams() -> int:
    gc.collect()
    return sum(isinstance(each, Stream) for each in gc.get_objects())


def test_a_message_that_never_ends_keeps_none_of_its_streams(spans: CapturedSpans) -> None:
    talk = Clocked().hear("subscribe")
    before = kept_streams()
    for _ in range(3):
        with StreamMeter("tick"):
            talk.say("tick")
        for text in meter_stream("ab", "tick"):
            talk.say(text)
    assert kept_streams() == before


async def test_a_connection_with_streams_is_freed_without_the_garbage_collector(
    spans: CapturedSpans,
) -> None:
    kept: list[Any] = []

    async def handler(_: str, say: Any) -> None:
        session = current_session()
        assert session is not None
        kept.append(weakref.ref(session.connection))  # type: ignore[arg-type]
        with StreamMeter("reply"):
            await say("a")
        async for text in meter_stream(tokens(*"ab"), "left"):
            await say(text)
            break

    gc.collect()
    gc.disable()
    try:
        await converse(application(handler), Say("go"), Leave())
        assert [each() for each in kept] == [None]
    finally:
        gc.enable()
