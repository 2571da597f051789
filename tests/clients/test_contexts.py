"""What is current in the user's code: a message while it is handled, and nothing of ours after."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import pytest
from opentelemetry import trace
from opentelemetry.context import get_current
from opentelemetry.trace import get_current_span
from websockets.exceptions import ConnectionClosed

from otel_ws.client import _places
from otel_ws.client.aiohttp import ws_connect
from otel_ws.client.httpx_ws import aconnect_ws
from otel_ws.client.websockets import connect
from otel_ws.client.websockets_sync import connect as connect_sync
from otel_ws.testing import CapturedSpans

from .libraries import HEAR, LIBRARIES, Close, Conversation, Gone, Library, of_client, raised
from .server import Served

every_library = pytest.mark.parametrize("library", LIBRARIES, ids=str)
both_models = pytest.mark.parametrize("model", ["session", "connection"])
tracer = trace.get_tracer("shop")
QUESTION = '{"question": "milk?"}'


def current() -> str:
    """Return the name of the current span."""
    return str(getattr(get_current_span(), "name", "nothing"))


class Bug(Exception):
    pass


def plain(seen: list[str]) -> Conversation:
    seen.append(current())
    yield QUESTION
    seen.append(current())
    yield HEAR
    seen.append(current())
    with tracer.start_as_current_span("drink"):
        yield QUESTION
        seen.append(current())
        yield HEAR
        seen.append(current())
    seen.append(current())


def closing(seen: list[str]) -> Conversation:
    yield QUESTION
    yield HEAR
    yield Close(4000, "bye")
    seen.append(current())


def failing(seen: list[str]) -> Conversation:
    yield QUESTION
    yield HEAR
    raise Bug


def heard_out(seen: list[str]) -> Conversation:
    with pytest.raises(Gone):
        while True:
            yield HEAR
    seen.append(current())


@every_library
@both_models
@pytest.mark.parametrize(
    ("conversation", "path", "seen"),
    [
        (
            plain,
            "/answer",
            ["click", "click", *["websocket.receive", "drink"], *["websocket.receive"] * 2],
        ),
        (failing, "/answer", []),
        (heard_out, "/push?code=1000", ["click"]),
    ],
)
async def test_what_was_current_before_is_so_after(
    library: Library,
    model: str,
    conversation: Callable[[list[str]], Conversation],
    path: str,
    seen: list[str],
    served: Served,
    spans: CapturedSpans,
) -> None:
    found: list[str] = []
    with tracer.start_as_current_span("click"):
        before = get_current()
        await raised(library.play(served.url(path), conversation(found), {"model": model}))
        assert get_current() is before
    assert found == seen


@every_library
async def test_an_explicit_close_is_the_end_of_the_handling(
    library: Library, served: Served, spans: CapturedSpans
) -> None:
    found: list[str] = []
    await library.play(served.url("/answer"), closing(found))
    assert found == ["nothing"]
    assert "websocket.receive -> GET\n  websocket.close" in of_client(spans)


# --- several connections, several tasks ---------------------------------------------------------


async def test_two_connections_in_one_task(served: Served, spans: CapturedSpans) -> None:
    url = served.url("/answer")
    with tracer.start_as_current_span("click"):
        before = get_current()
        async with (
            aiohttp.ClientSession() as session,
            connect(url, proxy=None) as one,
            ws_connect(session, url) as two,
        ):
            for _ in range(3):
                await one.send(QUESTION)
                await one.recv()
                await two.send_str(QUESTION)
                await two.receive()
                with tracer.start_as_current_span("relay"):
                    await one.send(QUESTION)
                    await one.recv()
            assert current() == "websocket.receive"
        assert get_current() is before
    assert _remembered(spans) == 0


def _remembered(spans: CapturedSpans) -> int:
    """Return how many turns are remembered that are over."""
    spans.clear()
    gc.collect()
    return len(_places._left)


@pytest.mark.parametrize("count", [2, 3])
async def test_connections_that_take_turns_leave_nothing(
    count: int, served: Served, spans: CapturedSpans
) -> None:
    before = get_current()
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(connect(served.url("/answer"), proxy=None))
            for _ in range(count)
        ]
        for _ in range(20):
            for websocket in opened:
                await websocket.send(QUESTION)
                await websocket.recv()
        assert _remembered(spans) <= count
    assert get_current() is before


async def test_a_reader_that_another_task_closes_on_is_out_of_its_message(
    served: Served, spans: CapturedSpans
) -> None:
    found: list[str] = []
    handling, closed = asyncio.Event(), asyncio.Event()
    websocket = await connect(served.url("/answer"), proxy=None)

    async def read() -> None:
        await websocket.recv()
        found.append(current())
        handling.set()
        await closed.wait()
        with pytest.raises(ConnectionClosed):
            await websocket.recv()
        found.append(current())
        async with connect(served.url("/answer"), proxy=None):
            pass

    with tracer.start_as_current_span("job"):
        reader = asyncio.create_task(read())
        await websocket.send(QUESTION)
    await handling.wait()
    await websocket.close()
    closed.set()
    await reader
    assert found == ["websocket.receive", "job"]
    assert of_client(spans).splitlines() == [
        *("GET", "job", "  websocket.send", "  GET", "  websocket.close"),
        *("websocket.receive -> GET", "websocket.close -> GET"),
    ]


async def test_a_task_that_a_message_has_started_stays_in_its_trace(
    served: Served, spans: CapturedSpans
) -> None:
    released = asyncio.Event()

    async def later() -> str:
        await released.wait()
        async with connect(served.url("/answer"), proxy=None) as other:
            await other.send(QUESTION)
            await other.recv()
        return current()

    async with connect(served.url("/answer"), proxy=None) as websocket:
        await websocket.send(QUESTION)
        await websocket.recv()
        started = asyncio.create_task(later())
    released.set()
    assert await started == "websocket.receive"
    assert "websocket.receive -> GET\n  GET\n" in of_client(spans)


async def test_a_receive_that_is_given_up_begins_nothing(
    served: Served, spans: CapturedSpans
) -> None:
    async with connect(served.url("/answer"), proxy=None) as websocket:
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(websocket.recv(), 0.01)
        assert current() == "nothing"
        await websocket.send(QUESTION)
        assert "answer" in await asyncio.wait_for(websocket.recv(), 10)
        # On Python 3.11 the wait is a task of its own.
        assert current() == ("nothing" if sys.version_info < (3, 12) else "websocket.receive")
    assert current() == "nothing"
    assert of_client(spans).count("websocket.receive") == 1


@pytest.mark.parametrize("model", ["session", "connection"])
async def test_a_cancellation_is_no_error(model: Any, served: Served, spans: CapturedSpans) -> None:
    async def stay(opened: Any) -> None:
        async with opened as websocket:
            await (websocket.send if hasattr(websocket, "recv") else websocket.send_text)(QUESTION)
            await (websocket.recv if hasattr(websocket, "recv") else websocket.receive)()
            reached.set()
            await asyncio.Event().wait()

    tracing: Any = {"model": model}
    for opened in (
        connect(served.url("/answer"), proxy=None, tracing=tracing),
        aconnect_ws(served.url("/answer"), tracing=tracing),
    ):
        reached = asyncio.Event()
        task = asyncio.create_task(stay(opened))
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    tree = of_client(spans, "websocket.close.status", "websocket.close.initiator")
    assert "!" not in tree
    assert "not ended" not in tree
    end = "{websocket.close.status=app_shutdown, websocket.close.initiator=client}"
    assert tree.count(end) == 2


async def test_breaking_out_of_the_iteration(served: Served, spans: CapturedSpans) -> None:
    with tracer.start_as_current_span("click"):
        before = get_current()
        async with connect(served.url("/push?code=1000"), proxy=None) as websocket:
            async for _ in websocket:
                assert current() == "websocket.receive"
                break
        assert get_current() is before


def test_a_thread_without_a_loop(served: Served, spans: CapturedSpans) -> None:
    found: list[str] = []

    def work() -> None:
        with connect_sync(served.url("/answer"), proxy=None) as websocket:
            websocket.send(QUESTION)
            websocket.recv()
            found.append(current())
        found.append(current())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert found == ["websocket.receive", "nothing"]
    assert "not ended" not in of_client(spans)


async def test_a_message_that_takes_too_long_is_cut(served: Served, spans: CapturedSpans) -> None:
    before = get_current()
    tracing: Any = {"max_message_age": 0.02}
    async with connect(served.url("/answer"), proxy=None, tracing=tracing) as websocket:
        await websocket.send(QUESTION)
        await websocket.recv()
        (message,) = (span for span in spans if span.name == "websocket.receive")
        async with asyncio.timeout(10):
            while message.end_time is None:
                await asyncio.sleep(0.01)
    assert message.attributes["websocket.message.cut"] is True
    assert get_current() is before
