"""The fan-out of Starlette and FastAPI: in one process, and over a real Redis."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import redis.asyncio
from opentelemetry import trace
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from otel_ws.events import Events
from otel_ws.testing import CapturedSpans
from otel_ws_starlette import TracingMiddleware
from otel_ws_starlette.fanout import Fanout, MemoryFanout, RedisFanout
from testproject.redis_server import RedisServer

from .drivers.say import converse
from .drivers.script import Hear, Leave

own = trace.get_tracer("application")
Maker = Callable[..., Any]


@asynccontextmanager
async def _memory(**settings: Any) -> AsyncIterator[Fanout]:
    yield MemoryFanout(**settings)


@pytest.fixture(params=["memory", "redis"])
def make(request: pytest.FixtureRequest) -> Maker:
    if request.param == "memory":
        return _memory
    server: RedisServer = request.getfixturevalue("redis_server")

    @asynccontextmanager
    async def over_redis(**settings: Any) -> AsyncIterator[Fanout]:
        async with redis.asyncio.from_url(server.url) as client:
            yield RedisFanout(client, **settings)

    return over_redis


async def _collect(fanout: Fanout, count: int, ready: asyncio.Event) -> list[Any]:
    messages: list[Any] = []
    async with fanout.subscribe("room") as events:
        ready.set()
        async for event in events:
            with own.start_as_current_span("handle"):
                messages.append(event.message)
            if len(messages) == count:
                break
    return messages


async def test_one_trace_from_publisher_to_subscribers(make: Maker, spans: CapturedSpans) -> None:
    async with make() as fanout:
        ready = asyncio.Event()
        collecting = asyncio.create_task(_collect(fanout, 2, ready))
        await ready.wait()
        for text in ("one", "two"):
            with own.start_as_current_span(f"POST {text}"):
                await fanout.publish("room", {"type": "said", "text": text})
        assert await collecting == [
            {"type": "said", "text": "one"},
            {"type": "said", "text": "two"},
        ]
    assert (
        spans
        == """
        POST one
          publish said
            process said
              handle
        POST two
          publish said
            process said
              handle
    """
    )
    assert not trace.get_current_span().is_recording()


@pytest.mark.parametrize("model", ["session", "connection"])
async def test_on_a_websocket_events_belong_to_its_session(
    model: Any, make: Maker, spans: CapturedSpans
) -> None:
    async with make() as fanout:
        ready = asyncio.Event()

        async def room(websocket: WebSocket) -> None:
            await websocket.accept()

            async def push() -> None:
                async with fanout.subscribe("room") as events:
                    ready.set()
                    async for event in events:
                        await websocket.send_json(event.message)

            pushing = asyncio.create_task(push())
            async for _ in websocket.iter_text():
                pass
            pushing.cancel()

        app = TracingMiddleware(Starlette(routes=[WebSocketRoute("/room", room)]), model=model)
        text = json.dumps({"type": "said"}, separators=(",", ":"))
        playing = asyncio.create_task(converse(app, Hear(text), Leave()))
        await ready.wait()
        await fanout.publish("room", {"type": "said"})
        await playing
    process = spans.named("process")[0]
    session = spans[0].attributes["websocket.session.id"]
    assert process.attributes["websocket.session.id"] == session
    assert process.attributes["messaging.operation.type"] == "process"
    expected = {
        "session": """
            GET /room
            websocket.open /room -> GET /room
            publish said
              process said -> GET /room
                websocket.send /room
            websocket.close -> GET /room
        """,
        "connection": """
            GET /room
              websocket.connection /room
                websocket.open /room
                process said -> publish said
                  websocket.send /room
                websocket.close
            publish said
        """,
    }
    assert spans == expected[model]


async def test_what_the_handler_raises_is_on_its_span(make: Maker, spans: CapturedSpans) -> None:
    async with make() as fanout:
        ready = asyncio.Event()

        async def handle() -> None:
            async with fanout.subscribe("room") as events:
                ready.set()
                async for _ in events:
                    raise LookupError("a bug of the application")

        handling = asyncio.create_task(handle())
        await ready.wait()
        await fanout.publish("room", {"type": "said"})
        with pytest.raises(LookupError):
            await handling
    assert (
        spans
        == """
        publish said
          process said ! LookupError
    """
    )


@pytest.mark.parametrize("message", [b"\xff\xfe", b"text", b"[1, 2]", b"5"])
async def test_what_others_publish_comes_through_as_it_is(
    message: bytes, redis_server: RedisServer, spans: CapturedSpans
) -> None:
    async with redis.asyncio.from_url(redis_server.url) as client:
        ready = asyncio.Event()
        collecting = asyncio.create_task(_collect(RedisFanout(client), 2, ready))
        await ready.wait()
        await client.publish("room", message)
        await client.publish("room", b'{"type": "said"}')
        assert await collecting == [message, {"type": "said"}]
    assert (
        spans
        == """
        process
          handle
        process said
          handle
    """
    )


async def test_others_see_a_plain_json_object(
    redis_server: RedisServer, spans: CapturedSpans
) -> None:
    async with (
        redis.asyncio.from_url(redis_server.url) as client,
        client.pubsub(ignore_subscribe_messages=True) as pubsub,
    ):
        await pubsub.subscribe("room")
        await RedisFanout(client).publish("room", {"type": "said"})
        while (found := await pubsub.get_message(timeout=1)) is None:
            pass
    message = json.loads(found["data"])
    assert message.keys() == {"type", "__otel__"}
    assert {type(value) for value in message["__otel__"].values()} == {str}


async def test_who_falls_behind_loses_events_and_it_is_said(our_log: list[str]) -> None:
    fanout = MemoryFanout(capacity=2)
    async with fanout.subscribe("room") as events:
        for number in range(4):
            await fanout.publish("room", {"type": "said", "number": number})
        numbers = [(await anext(events)).message["number"] for _ in range(2)]
    assert numbers == [0, 1]
    assert our_log == ["a memory recipient is too slow: events for it are dropped"]


@pytest.mark.parametrize("part", ["begin", "_start", "_now", "_end", "_attributes"])
async def test_broken_parts_cost_the_trace_and_not_the_message(
    part: str, monkeypatch: pytest.MonkeyPatch, our_log: list[str]
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise LookupError("a bug of ours")

    monkeypatch.setattr(Events, part, broken)
    ready, fanout = asyncio.Event(), MemoryFanout()
    collecting = asyncio.create_task(_collect(fanout, 2, ready))
    await ready.wait()
    for _ in range(2):
        await fanout.publish("room", {"type": "said"})
    assert await collecting == [{"type": "said"}] * 2
    assert all(line.startswith("Events.") and "failed" in line for line in our_log)
    assert 1 <= len(our_log) <= 3
