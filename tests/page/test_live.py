"""What a page is told over its socket: all there is, then what comes, in bounded memory."""

from __future__ import annotations

import asyncio
import json
import math
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.trace import SpanContext

from otel_ws._records import EventRecord, LinkRecord, SpanRecord
from otel_ws.page import PageSpanProcessor, SpanBuffer, TracePage
from otel_ws.page._protocol import Telling

from .asked import LOCAL, OWN_ORIGIN, TRACE, Visitor, record, records, scope_of, tracer_of


def told_names(told: list[dict[str, Any]]) -> list[str]:
    return [span["n"] for message in told for span in message.get("spans", ())]


# --- the conversation ---------------------------------------------------------------------------


async def test_a_page_is_told_what_is_there_and_then_what_comes() -> None:
    buffer = SpanBuffer(limit=100)
    buffer.add(records(1, 2))
    async with Visitor(TracePage(buffer)) as visitor:
        told = await visitor.until("ready")
        assert told[0] == {"type": "hello", "limit": 100, "dropped": 0, "buffered": 2}
        assert [message["type"] for message in told] == ["hello", "resource", "spans", "ready"]
        assert told_names(told) == ["span 1", "span 2"]
        buffer.add(records(3))
        assert told_names(await visitor.until("spans")) == ["span 3"]


async def test_a_snapshot_comes_in_chunks_with_the_oldest_first() -> None:
    buffer = SpanBuffer()
    buffer.add(records(*range(1, 1201)))
    async with Visitor(TracePage(buffer)) as visitor:
        told = await visitor.until("ready")
    sizes = [len(message["spans"]) for message in told if message["type"] == "spans"]
    assert sizes == [500, 500, 200]
    assert told_names(told) == [f"span {number}" for number in range(1, 1201)]


async def test_two_pages_are_told_the_same() -> None:
    buffer = SpanBuffer()
    page = TracePage(buffer)
    tracer = tracer_of(buffer)
    async with Visitor(page) as one, Visitor(page) as two:
        await one.until("ready")
        await two.until("ready")
        for number in range(3):
            with tracer.start_as_current_span(f"live {number}"):
                pass
        assert await one.names(3) == await two.names(3) == ["live 0", "live 1", "live 2"]


async def test_spans_of_other_threads_arrive_too() -> None:
    buffer = SpanBuffer()
    tracer = tracer_of(buffer)
    async with Visitor(TracePage(buffer)) as visitor:
        await visitor.until("ready")
        with ThreadPoolExecutor(4) as pool:
            for number in range(40):
                pool.submit(lambda n: tracer.start_span(f"thread {n}").end(), number)
        assert sorted(await visitor.names(40)) == sorted(f"thread {n}" for n in range(40))


async def test_a_resource_is_told_once_before_its_first_span() -> None:
    buffer = SpanBuffer()
    chat, worker = {"service.name": "chat"}, {"service.name": "worker"}
    buffer.add([record(1, resource=chat), record(2, resource=worker), record(3, resource={**chat})])
    async with Visitor(TracePage(buffer)) as visitor:
        told = await visitor.until("ready")
        assert told[1:3] == [
            {"type": "resource", "index": 0, "attributes": chat},
            {"type": "resource", "index": 1, "attributes": worker},
        ]
        assert [span["r"] for span in told[3]["spans"]] == [0, 1, 0]
        buffer.add([record(4, resource={**worker})])
        assert (await visitor.next())["spans"][0]["r"] == 1


async def test_who_clears_clears_for_all() -> None:
    buffer = SpanBuffer(limit=2)
    buffer.add(records(1, 2, 3))
    page = TracePage(buffer)
    async with Visitor(page) as one, Visitor(page) as two:
        await one.until("ready")
        await two.until("ready")
        one.say('{"type":"clear"}')
        for each in (one, two):
            assert await each.until("dropped") == [
                {"type": "cleared"},
                {"type": "dropped", "count": 0},
            ]
        assert len(buffer) == 0
        buffer.add(records(4))
        assert await two.names(1) == ["span 4"]


async def test_what_gives_way_is_told() -> None:
    buffer = SpanBuffer(limit=2)
    async with Visitor(TracePage(buffer)) as visitor:
        await visitor.until("ready")
        buffer.add(records(1, 2))
        await visitor.until("spans")
        buffer.add(records(3))
        told = await visitor.until("spans")
        assert told[0] == {"type": "dropped", "count": 1}


async def test_a_page_that_is_too_slow_is_told_so_and_sent_away() -> None:
    """It comes again, and starts anew. Until then nothing is kept for it."""
    buffer = SpanBuffer(limit=10)
    async with Visitor(TracePage(buffer)) as visitor:
        await visitor.until("ready")
        visitor.open.clear()
        buffer.add(records(1))
        while visitor.stuck == 0:
            await asyncio.sleep(0)
        for number in range(100):
            buffer.add(records(*range(number * 10, number * 10 + 10)))
        visitor.open.set()
        assert told_names(await visitor.until("lagging")) == ["span 1"]
        assert await visitor.raw() == {"type": "websocket.close", "code": 1013}
    async with Visitor(TracePage(buffer)) as visitor:
        assert len(told_names(await visitor.until("ready"))) == 10


async def test_what_gives_way_before_a_page_was_told_of_it_is_not_missed() -> None:
    """The oldest are told first, and are the next to give way."""

    class Busy(SpanBuffer):
        coming = iter(range(601, 1501))

        def look(self, start: int = 0, count: int = 1) -> Any:
            if count:
                self.add(record(n) for _, n in zip(range(300), self.coming, strict=False))
            return super().look(start, count)

    buffer = Busy(limit=600)
    buffer.add(records(*range(1, 601)))
    async with Visitor(TracePage(buffer)) as visitor:
        told = await visitor.until("ready")
        assert told[0] == {"type": "hello", "limit": 600, "dropped": 0, "buffered": 600}
        assert told[1] == {"type": "dropped", "count": 300}
        names = told_names(told)
        names += await visitor.names(1200 - len(names))
    assert names == [f"span {number}" for number in range(301, 1501)]


def test_a_message_is_as_large_as_a_megabyte_or_a_single_span() -> None:
    one = record(attributes={f"gen_ai.{n}": "x" * 30_000 for n in range(8)})
    larger = record(2, attributes={f"gen_ai.{n}": "x" * 30_000 for n in range(40)})
    _, *messages = Telling().spans([*[one] * 9, larger, one])
    assert [len(json.loads(each)["spans"]) for each in messages] == [4, 4, 1, 1, 1]
    assert max(map(len, messages[:3])) < 1.1 * 2**20


async def test_so_many_pages_look_and_one_more_is_told_to_come_again() -> None:
    page = TracePage(SpanBuffer())
    visitors = [Visitor(page) for _ in range(32)]
    async with AsyncExitStack() as looking:
        for each in visitors:
            await looking.enter_async_context(each)
            await each.until("ready")
        async with Visitor(page) as one_more:
            assert await one_more.raw() == {"type": "websocket.accept"}
            assert await one_more.raw() == {"type": "websocket.close", "code": 1013}
    async with Visitor(page) as again:
        await again.until("ready")


async def test_a_page_leaves_the_threads_of_the_loop_to_the_application() -> None:
    at_work: set[str] = set()

    class Watching(SpanBuffer):
        def look(self, start: int = 0, count: int = 0) -> Any:
            at_work.add(threading.current_thread().name)
            return super().look(start, count)

    buffer = Watching()
    buffer.add(records(1))
    async with Visitor(TracePage(buffer)) as visitor:
        await visitor.until("ready")
    at_work.discard(threading.current_thread().name)
    assert at_work
    assert all(name.startswith("otel-ws-page") for name in at_work)


def test_what_a_page_has_been_told_is_remembered_within_bounds() -> None:
    telling = Telling()
    many = [record(n, resource={"service.instance.id": n}) for n in range(2500)]
    *resources, spans = map(json.loads, telling.spans(many))
    assert [each["index"] for each in resources] == list(range(2500))
    assert [span["r"] for span in spans["spans"]] == list(range(2500))
    assert len(telling._resources) <= 1000


@pytest.mark.parametrize(
    "said",
    ["", "{", "[]", "null", '{"type":["clear"]}', '{"type":"stop"}', "[" * 900, "x" * 10_000],
)
async def test_what_else_a_page_says_is_ignored(said: str) -> None:
    buffer = SpanBuffer()
    buffer.add(records(1))
    async with Visitor(TracePage(buffer)) as visitor:
        await visitor.until("ready")
        visitor.say(said)
        visitor.say('{"type":"clear"}')
        assert await visitor.next() == {"type": "cleared"}


async def test_a_page_that_leaves_is_forgotten() -> None:
    buffer = SpanBuffer()
    async with Visitor(TracePage(buffer)) as visitor:
        await visitor.until("ready")
        assert len(buffer._watchers) == 1
    assert buffer._watchers == []


async def test_a_page_that_is_gone_when_it_is_told_something_is_no_failure() -> None:
    buffer = SpanBuffer()
    inbound: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    inbound.put_nowait({"type": "websocket.connect"})

    async def send(message: dict[str, Any]) -> None:
        raise RuntimeError("Unexpected ASGI message 'websocket.send'")

    scope = scope_of("websocket", "/.otel-ws/live", headers=[*LOCAL, OWN_ORIGIN])
    await TracePage(buffer)(scope, inbound.get, send)
    assert buffer._watchers == []


async def test_a_cancelled_page_is_forgotten() -> None:
    buffer = SpanBuffer()
    visitor = Visitor(TracePage(buffer))
    await visitor.__aenter__()
    await visitor.until("ready")
    visitor.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await visitor.task
    assert buffer._watchers == []


async def test_no_other_path_is_a_socket_of_the_page() -> None:
    for path in ("/", "/live", "/.otel-ws/", "/.otel-ws/live/x"):
        async with Visitor(TracePage(SpanBuffer()), path) as visitor:
            assert await visitor.raw() == {"type": "websocket.close"}


# --- one span -----------------------------------------------------------------------------------


def told(span: SpanRecord) -> dict[str, Any]:
    """Return a span as a page reads it, from JSON that JavaScript takes."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    *_, text = Telling().spans([span])
    message = json.loads(text, parse_constant=refuse)
    (one,) = message["spans"]
    return dict(one)


def test_a_span_is_told_in_short_words() -> None:
    span = SpanRecord(
        TRACE,
        "b7ad6b7169203331",
        "00f067aa0ba902b7",
        "websocket.receive /chat",
        "CONSUMER",
        1_700_000_000_000_001_500,
        1_700_000_000_000_003_000,
        {"websocket.message.size": 5},
        (LinkRecord(TRACE, "00f067aa0ba902b7", {"websocket.link.type": "handshake"}),),
        (EventRecord("chunk", 1_700_000_000_000_002_000, {"n": 1}),),
        "error",
        "boom",
        "otel_ws",
    )
    assert told(span) == {
        "t": TRACE,
        "s": "b7ad6b7169203331",
        "p": "00f067aa0ba902b7",
        "n": "websocket.receive /chat",
        "k": "CONSUMER",
        "b": 1700000000000001.5,
        "e": 1700000000000003,
        "a": {"websocket.message.size": 5},
        "l": [{"t": TRACE, "s": "00f067aa0ba902b7", "a": {"websocket.link.type": "handshake"}}],
        "v": [{"n": "chunk", "b": 1700000000000002, "a": {"n": 1}}],
        "st": "error",
        "sd": "boom",
        "sc": "otel_ws",
        "r": 0,
    }


@pytest.mark.parametrize(
    ("value", "is_told_as"),
    [
        (None, None),
        (True, True),
        (2**53, 2**53),
        (2**53 + 1, "9007199254740993"),
        (-(2**60), "-1152921504606846976"),
        (0.25, 0.25),
        (math.nan, "nan"),
        (-math.inf, "-inf"),
        (b"\x00\xff", "0x00ff"),
        (("a", (1, math.inf)), ["a", [1, "inf"]]),
        ({"a": {"b": b""}}, {"a": {"b": "0x"}}),
        ("x" * 40_000, "x" * 32_768 + "…"),
        ((1,) * 1000, [1] * 1000),
        ((1,) * 1001, [*[1] * 1000, "…"]),
        ("\ud800", "\ud800"),
    ],
)
def test_a_value_is_told_as_javascript_can_hold_it(value: Any, is_told_as: Any) -> None:
    assert told(record(attributes={"a": value}))["a"] == {"a": is_told_as}


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.binary(max_size=4)
    | st.text(st.characters(exclude_categories=()), max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=60, derandomize=True, database=None, deadline=None)
@given(st.dictionaries(st.text(max_size=3), values))
def test_any_span_is_valid_json(attributes: dict[str, Any]) -> None:
    link = LinkRecord(TRACE, TRACE[:16], attributes)
    event = EventRecord("\ud800", 2**64 - 1, attributes)
    hostile = record(attributes=attributes, resource=attributes, links=(link,), events=(event,))
    assert set(told(hostile)["a"]) == set(attributes)


async def test_a_span_that_cannot_be_read_hides_no_other(our_log: list[str]) -> None:
    buffer = SpanBuffer()
    broken: Any = object()
    odd: Any = ReadableSpan(5, SpanContext(1, 2, False), start_time=1)  # type: ignore[arg-type]
    buffer.add([broken, record(1), odd, record(2)])
    async with Visitor(TracePage(buffer)) as visitor:
        assert told_names(await visitor.until("ready")) == ["span 1", "5", "span 2"]
    assert our_log == ["record_of failed; the application is unaffected"]


def test_a_span_of_the_sdk_is_read_when_somebody_looks() -> None:
    buffer = SpanBuffer()
    provider = TracerProvider()
    provider.add_span_processor(PageSpanProcessor(buffer))
    with provider.get_tracer("application").start_as_current_span("a") as span:
        span.add_event("late", {"x": 1})
    (seen,) = buffer.look().spans
    assert told(seen)["v"][0]["n"] == "late"
    assert told(seen)["sc"] == "application"
