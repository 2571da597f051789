"""A framework that reads in a task of its own, and handlers that take from its queue."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF

from otel_ws import asgi, readahead
from otel_ws._silent import SilentConnection
from otel_ws.testing import CapturedSpans

tracer = trace.get_tracer("application")
Take = Callable[[], Awaitable[str]]
Handler = Callable[[Take, Callable[[str], Awaitable[None]]], Awaitable[None]]


async def echo(take: Take, answer: Callable[[str], Awaitable[None]]) -> None:
    while True:
        text = await take()
        with tracer.start_as_current_span("work"):
            if text == "crash":
                raise RuntimeError("boom")
            await answer(text)


class Framework:
    """In the manner of Quart: a reader, a queue, and a handler that is cancelled at the end."""

    def __init__(self, handler: Handler = echo, *, keeps_errors: bool = False) -> None:
        self._handler = handler
        self._keeps_errors = keeps_errors

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        queue: asyncio.Queue[str] = asyncio.Queue()

        async def read() -> None:
            while (message := await receive())["type"] != "websocket.disconnect":
                if message["type"] == "websocket.receive":
                    queue.put_nowait(message["text"])

        async def handle() -> None:
            await send({"type": "websocket.accept"})
            try:
                await self._handler(lambda: readahead.take(queue.get), answer)
            except RuntimeError as error:
                readahead.failed(error)
                if not self._keeps_errors:
                    raise

        async def answer(text: str) -> None:
            await send({"type": "websocket.send", "text": text})

        tasks = [asyncio.ensure_future(handle()), asyncio.ensure_future(read())]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done:
            task.result()


async def serve(application: Any, *texts: str, all_at_once: bool = False) -> list[str]:
    """Be the server: hand over one text when the last was answered, or all of them at once."""
    sent: asyncio.Queue[Any] = asyncio.Queue()
    waiting = [{"type": "websocket.receive", "text": text} for text in texts]
    heard = []

    async def receive() -> Any:
        if not heard:
            heard.append({"type": "websocket.connect"})
            return heard[0]
        if waiting:
            if not all_at_once and len(waiting) < len(texts):
                await sent.get()
            return waiting.pop(0)
        for _ in texts[:1] if not all_at_once else texts:
            await sent.get()
        return {"type": "websocket.disconnect", "code": 1000}

    async def send(message: Any) -> None:
        heard.append(message)
        if message["type"] == "websocket.send":
            sent.put_nowait(message)

    scope = {"type": "websocket", "path": "/", "headers": []}
    await application(scope, receive, send)
    return [message["text"] for message in heard if message["type"] == "websocket.send"]


WHOLE = """
GET
websocket.open -> GET
websocket.receive -> GET
  work
    websocket.send
websocket.receive -> GET
  work
    websocket.send
websocket.close -> GET
"""


@pytest.mark.parametrize("all_at_once", [False, True])
async def test_a_handler_runs_below_what_it_has_taken(
    spans: CapturedSpans, all_at_once: bool
) -> None:
    application = readahead.TracingMiddleware(Framework())
    assert await serve(application, "a", "b", all_at_once=all_at_once) == ["a", "b"]
    assert spans == WHOLE
    assert readahead._wires == {}


async def test_without_that_it_runs_below_what_came_before(spans: CapturedSpans) -> None:
    await serve(asgi.TracingMiddleware(Framework()), "a", "b")
    assert [span.parent and span.parent.span_id for span in spans.named("work")] == [
        spans.named("websocket.open")[0].context.span_id
    ] * 2


async def test_a_failure_that_the_framework_keeps_is_told(spans: CapturedSpans) -> None:
    application = readahead.TracingMiddleware(Framework(keeps_errors=True))
    await serve(application, "crash")
    assert (
        spans
        == """
        GET
        websocket.open -> GET
        websocket.receive -> GET ! RuntimeError
          work ! error
        websocket.close -> GET
    """
    )


async def test_a_failure_that_goes_through_is_told_once(spans: CapturedSpans) -> None:
    with pytest.raises(RuntimeError, match="boom"):
        await serve(readahead.TracingMiddleware(Framework()), "crash")
    (received,) = spans.named("websocket.receive")
    assert [event.name for event in received.events] == ["exception"]


async def test_a_context_in_a_message_is_read_and_taken_out(spans: CapturedSpans) -> None:
    application = readahead.TracingMiddleware(
        Framework(), message_codec="json", message_trust="parent", strip_carriers=True
    )
    trace_id = "a" * 32
    message = f'{{"n": 1, "_meta": {{"traceparent": "00-{trace_id}-{"b" * 16}-01"}}}}'
    (answer,) = await serve(application, message)
    assert trace_id not in answer
    assert trace.format_trace_id(spans.named("websocket.receive")[0].context.trace_id) == trace_id


async def test_what_is_too_old_is_cut(spans: CapturedSpans) -> None:
    async def push(take: Take, answer: Callable[[str], Awaitable[None]]) -> None:
        await take()
        while not (received := spans.named("websocket.receive")) or not received[0].end_time:
            await asyncio.sleep(0.001)
        await answer("late")

    await serve(readahead.TracingMiddleware(Framework(push), max_message_age=0.01), "a")
    (received,) = spans.named("websocket.receive")
    assert (received.attributes or {})["websocket.message.cut"] is True


async def test_what_is_not_sampled_is_served_alike(spans: CapturedSpans) -> None:
    provider = TracerProvider(sampler=ALWAYS_OFF)
    application = readahead.TracingMiddleware(Framework(), tracer_provider=provider)
    assert await serve(application, "a", "b") == ["a", "b"]
    assert spans.named("websocket") == []


@pytest.mark.parametrize(("metrics", "times"), [("connection", 0), ("message", 3)])
async def test_a_connection_that_only_counts_is_told_of_asking_if_it_measures_that(
    monkeypatch: pytest.MonkeyPatch, metrics: Any, times: int
) -> None:
    told = []
    monkeypatch.setattr(SilentConnection, "receiving", lambda self, error=None: told.append(error))
    application = readahead.TracingMiddleware(
        Framework(),
        metrics=metrics,
        meter_provider=MeterProvider(metric_readers=[InMemoryMetricReader()]),
        tracer_provider=TracerProvider(sampler=ALWAYS_OFF),
    )
    assert await serve(application, "a", "b") == ["a", "b"]
    assert len(told) == times


async def test_outside_of_a_connection_taking_is_just_taking() -> None:
    async def receive() -> str:
        return "a"

    assert await readahead.take(receive) == "a"
    readahead.failed(RuntimeError())
