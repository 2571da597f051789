"""Where the handling of a message begins and ends when an application is written unusually."""

from __future__ import annotations

import asyncio
from collections import UserDict
from contextlib import suppress
from typing import Any

import pytest
from autobahn.exception import Disconnected
from opentelemetry import trace
from starlette.websockets import WebSocket

from otel_ws import Config, Connection, current_session
from otel_ws.asgi import TracingMiddleware
from otel_ws.testing import CapturedSpans

from .drivers.say import converse
from .drivers.script import Hear, Leave, Say, Scenario
from .drivers.wire import scope_of
from .playing import echo

SOMETHING = Scenario("", "", "")
own = trace.get_tracer("application")


async def test_a_span_around_the_loop_stays_the_applications_own(spans: CapturedSpans) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        with own.start_as_current_span("visit") as visit:
            async for text in websocket.iter_text():
                assert trace.get_current_span() is not visit
                await websocket.send_text(text)
            with own.start_as_current_span("farewell"):
                pass
        assert not trace.get_current_span().is_recording()

    await converse(TracingMiddleware(app))
    assert (
        spans
        == """
        GET
        websocket.open -> GET
          visit
        websocket.receive -> GET
          websocket.send
        websocket.close -> GET
          farewell
    """
    )


async def test_accept_under_a_span_of_the_application_leaves_it_current(
    spans: CapturedSpans,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        with own.start_as_current_span("authenticate") as span:
            await send({"type": "websocket.accept"})
            assert trace.get_current_span() is span
        assert (await receive())["type"] == "websocket.disconnect"

    await converse(TracingMiddleware(app), Leave())
    assert (
        spans
        == """
        GET
          authenticate
        websocket.open -> GET
        websocket.close -> GET
    """
    )


async def test_a_receive_in_a_task_of_its_own_still_delimits_turns(spans: CapturedSpans) -> None:
    """`wait_for` makes such a task on Python 3.11; the span is then never current."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (message := await asyncio.create_task(receive()))["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": message["text"]})

    await converse(TracingMiddleware(app))
    assert (
        spans
        == """
        GET
        websocket.open -> GET
        websocket.receive -> GET
        websocket.send -> GET
        websocket.close -> GET
    """
    )


async def test_a_reader_in_a_task_group_has_its_turns(spans: CapturedSpans) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()

        async def read() -> None:
            async for text in websocket.iter_text():
                await websocket.send_text(text)

        async with asyncio.TaskGroup() as group:
            group.create_task(read())

    await converse(TracingMiddleware(app))
    assert (
        spans
        == """
        GET
        websocket.open -> GET
        websocket.receive -> GET
          websocket.send
        websocket.close -> GET
    """
    )


async def test_a_value_that_a_handler_leaves_in_the_context_is_not_lost(
    spans: CapturedSpans,
) -> None:
    from opentelemetry.context import attach, get_value, set_value

    seen: list[object] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        async for text in websocket.iter_text():
            seen.append(get_value("user"))
            attach(set_value("user", text))
            await websocket.send_text(text)

    await converse(
        TracingMiddleware(app), Say("ada"), Hear("ada"), Say("bob"), Hear("bob"), Leave()
    )
    assert seen == [None, "ada"]
    assert (
        spans
        == """
        GET
        websocket.open -> GET
        websocket.receive -> GET
          websocket.send
        websocket.receive -> GET
          websocket.send
        websocket.close -> GET
    """
    )


async def test_many_connections_at_once_keep_to_themselves(spans: CapturedSpans) -> None:
    sessions: set[str] = set()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        async for text in websocket.iter_text():
            session = current_session()
            assert session is scope["otel_ws"]
            sessions.add(session.id)
            await asyncio.sleep(0)
            await websocket.send_text(text)

    application = TracingMiddleware(app, model="connection")
    await asyncio.gather(*(converse(application) for _ in range(20)))
    assert len(sessions) == 20
    assert current_session() is None
    owners = {span.context.trace_id: set() for span in spans}
    for span in spans:
        owners[span.context.trace_id].add((span.attributes or {})["websocket.session.id"])
    assert sorted(len(ids) for ids in owners.values()) == [1] * 20
    assert len(spans) == 20 * 6


def test_a_turn_that_is_too_old_is_cut(spans: CapturedSpans) -> None:
    clock = iter(range(0, 10**12, 10**9)).__next__  # a second between any two readings
    connection = _opened(Config(max_message_age=10), clock)
    connection.receiving()
    connection.received({"type": "websocket.receive", "text": "subscribe"})
    remaining = [connection.cut() for _ in range(10)]
    assert remaining == [9, 8, 7, 6, 5, 4, 3, 2, 1, None]
    push = {"type": "websocket.send", "text": "tick"}
    connection.sent(push, connection.sending(push))
    connection.ended()
    assert spans.tree("websocket.message.cut").splitlines() == [
        "GET",
        "websocket.open -> GET",
        "websocket.receive -> GET {websocket.message.cut=True}",
        "websocket.send -> GET -> websocket.receive",
        "websocket.close -> GET",
    ]


async def test_the_middleware_cuts_by_its_own_timer(spans: CapturedSpans) -> None:
    cut = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        text = await websocket.receive_text()
        while not spans[-1].end_time:
            await asyncio.sleep(0.01)
        cut.set()
        await websocket.send_text(text)
        await websocket.receive()

    await converse(TracingMiddleware(app, max_message_age=0.05))
    assert cut.is_set()
    assert (
        spans
        == """
        GET
        websocket.open -> GET
        websocket.receive -> GET
        websocket.send -> GET -> websocket.receive
        websocket.close -> GET
    """
    )


@pytest.mark.parametrize(
    "refusal", [OSError("gone"), Disconnected("gone"), RuntimeError("closed already")]
)
async def test_a_send_to_a_peer_that_has_left_is_no_error(
    refusal: Exception, spans: CapturedSpans
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive())["type"] != "websocket.disconnect":
            answer = "accept" if message["type"] == "websocket.connect" else "send"
            await send({"type": f"websocket.{answer}", "text": "hello"})
        await send({"type": "websocket.send", "text": "too late"})

    messages = [{"type": "websocket.connect"}, {"type": "websocket.receive", "text": "hello"}]
    if type(refusal) is RuntimeError:
        messages[1] = {"type": "websocket.disconnect", "code": 1006}

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        if message["type"] == "websocket.send":
            raise refusal

    with pytest.raises(type(refusal)) as raised:
        await TracingMiddleware(app, model="connection")(scope_of(SOMETHING), receive, send)
    assert raised.value is refusal
    assert {span.status.status_code.name for span in spans} == {"UNSET"}
    assert [event.name for span in spans for event in span.events] == []
    (sent,) = spans.named("websocket.send")
    assert sent.attributes["error.type"].endswith(type(refusal).__name__)


@pytest.mark.parametrize("settings", [{}, {"trace_sends": False}, {"metrics": "message"}])
async def test_a_refused_send_is_not_counted(
    settings: dict[str, Any], spans: CapturedSpans
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        for text in ("once", "no", "twice"):
            with suppress(OSError):
                await send({"type": "websocket.send", "text": text})
        await receive()

    messages = [{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1000}]

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        if message.get("text") == "no":
            raise OSError

    await TracingMiddleware(app, **settings)(scope_of(SOMETHING), receive, send)
    (close,) = spans.named("websocket.close")
    assert close.attributes["websocket.sent.message_count"] == 2
    assert close.attributes["websocket.sent.size"] == len("oncetwice")


async def test_a_close_of_any_type_of_message_is_seen(spans: CapturedSpans) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send(UserDict({"type": "websocket.close", "code": 4001}))

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        pass

    for settings in ({}, {"trace_sends": False}):
        await TracingMiddleware(app, **settings)(scope_of(SOMETHING), receive, send)
    codes = [each.attributes["websocket.close.code"] for each in spans.named("websocket.close")]
    assert codes == [4001, 4001]


def _opened(config: Config, clock: Any) -> Connection:
    connection = Connection(scope_of(SOMETHING), config, clock=clock)
    accept = {"type": "websocket.accept"}
    connection.received({"type": "websocket.connect"})
    connection.sent(accept, connection.sending(accept))
    return connection


def test_a_message_that_was_read_before_its_handler_began_has_its_own_time(
    spans: CapturedSpans,
) -> None:
    """As one that authenticates its connection, and is handed on by who has read it."""
    connection = Connection(scope_of(SOMETHING), Config(), turns="none")
    accept, message = {"type": "websocket.accept"}, {"type": "websocket.receive", "text": "me"}
    connection.received({"type": "websocket.connect"})
    connection.sent(accept, connection.sending(accept))
    connection.received(message)
    connection.dispatches()
    connection.dispatched(message, connection.dispatching(message))
    connection.ended()
    (received,) = spans.named("websocket.receive")
    (opened,) = spans.named("websocket.open")
    assert (received.start_time or 0) >= (opened.start_time or 1)


async def test_an_exception_that_cannot_be_described_ends_its_spans(
    spans: CapturedSpans, our_log: list[str]
) -> None:
    class Bad(Exception):
        def __str__(self) -> str:
            raise RuntimeError("no words")

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        raise Bad

    with pytest.raises(Bad):
        await converse(TracingMiddleware(app), Say("hello"))
    assert all(span.end_time for span in spans)
    assert [span.status.status_code.name for span in spans] == ["UNSET", "UNSET", "ERROR", "ERROR"]
    assert our_log


async def test_a_second_reader_ends_the_turn_of_the_first(spans: CapturedSpans) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await asyncio.gather(receive(), receive())
        await receive()

    await converse(TracingMiddleware(app), Say("one"), Say("two"), Leave())
    assert all(span.end_time for span in spans)
    assert len(spans.named("websocket.receive")) == 2


async def test_a_connection_is_freed_without_the_garbage_collector(spans: CapturedSpans) -> None:
    import gc
    import weakref

    kept: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        kept.append(weakref.ref(scope["otel_ws"].connection))
        await echo(scope, receive, send)

    gc.collect()
    gc.disable()
    try:
        await converse(TracingMiddleware(app))
        assert kept[0]() is None
    finally:
        gc.enable()
