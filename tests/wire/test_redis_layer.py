"""A chat between two servers, over the real Redis layer of Channels."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import dedent

import pytest

from testproject.redis_server import RedisServer
from tests.wire.client import Caller
from tests.wire.process import PATIENCE
from tests.wire.servers import SERVERS
from tests.wire.stage import Stage, tree

DAPHNE, UVICORN = (server for server in SERVERS if server.name in ("daphne", "uvicorn-websockets"))
ASKS = {
    "session": """
        GET /ws/chat <- remote {status_code=101}
        websocket.open /ws/chat -> GET /ws/chat
        websocket.receive /ws/chat -> GET /ws/chat
        process chat.message -> GET /ws/chat
          websocket.send /ws/chat
        process chat.message -> GET /ws/chat
          websocket.send /ws/chat
        websocket.close -> GET /ws/chat {code=4000, status=application, initiator=client}
    """,
    "connection": """
        GET /ws/chat <- remote {status_code=101}
          websocket.connection /ws/chat
            websocket.open /ws/chat
            websocket.receive /ws/chat
            process chat.message
              websocket.send /ws/chat
            process chat.message
              websocket.send /ws/chat
            websocket.close {code=4000, status=application, initiator=client}
    """,
}
ANSWERS = {
    "session": """
        GET /ws/chat <- remote {status_code=101}
        websocket.open /ws/chat -> GET /ws/chat
        process chat.message -> GET /ws/chat
          websocket.send /ws/chat
        websocket.receive /ws/chat -> GET /ws/chat
        process chat.message -> GET /ws/chat
          websocket.send /ws/chat
        websocket.close -> GET /ws/chat {code=4000, status=application, initiator=client}
    """,
    "connection": """
        GET /ws/chat <- remote {status_code=101}
          websocket.connection /ws/chat
            websocket.open /ws/chat
            process chat.message
              websocket.send /ws/chat
            websocket.receive /ws/chat
            process chat.message
              websocket.send /ws/chat
            websocket.close {code=4000, status=application, initiator=client}
    """,
}
ONE_MESSAGE = """
    websocket.receive /ws/chat -> remote
      group_send chat.message
        process chat.message -> remote
          websocket.send /ws/chat
        process chat.message -> remote
          websocket.send /ws/chat
"""


@contextmanager
def two_servers(model: str, redis: RedisServer, layer: str) -> Iterator[tuple[Stage, Stage]]:
    where = {"REDIS_URL": redis.url, "WIRE_LAYER": layer}
    with Stage.of(DAPHNE, model, **where) as one, Stage.of(UVICORN, model, **where) as other:
        yield one, other
        assert one.process.complaints() + other.process.complaints() == []


async def talk(asks: Caller, answers: Caller) -> list[list[str | bytes]]:
    """Let one say hello and the other welcome, and return what each of them has heard."""
    both = asyncio.Barrier(2)

    async def hear(caller: Caller) -> None:
        caller.observed.received.append(await caller.websocket.recv())

    async def ask(caller: Caller) -> None:
        await both.wait()
        await caller.websocket.send("hello")
        await hear(caller)
        await hear(caller)
        await caller.websocket.close(4000, "bye")

    async def answer(caller: Caller) -> None:
        await both.wait()
        await hear(caller)
        await caller.websocket.send("welcome")
        await hear(caller)
        await caller.websocket.close(4000, "bye")

    async with asyncio.timeout(PATIENCE):
        takes = await asyncio.gather(asks.take(ask), answers.take(answer))
    return [take.observed.received for take in takes]


@pytest.mark.parametrize("model", ["session", "connection"])
async def test_a_group_over_redis_hears_the_same_when_it_is_traced(
    model: str, redis_server: RedisServer
) -> None:
    with two_servers(model, redis_server, "plain") as (here, there):
        asks = here.caller("channels-sync", "/ws/chat")
        answers = there.caller("channels", "/ws/chat")
        heard = await talk(asks, answers)
        heard_untraced = await talk(
            here.caller("channels-sync", "/ws/chat", "untraced"),
            there.caller("channels", "/ws/chat", "untraced"),
        )
        assert here.tree_of(asks) == dedent(ASKS[model]).strip()
        assert there.tree_of(answers) == dedent(ANSWERS[model]).strip()
    assert heard == heard_untraced == [["hello", "welcome"], ["hello", "welcome"]]


async def test_a_message_is_one_trace_on_both_servers(redis_server: RedisServer) -> None:
    with two_servers("session", redis_server, "traced") as (here, there):
        asks = here.caller("channels-sync", "/ws/chat")
        answers = there.caller("channels", "/ws/chat")
        assert await talk(asks, answers) == [["hello", "welcome"], ["hello", "welcome"]]
        spans = sorted(here.receiver.spans + there.receiver.spans, key=lambda s: s.start_time)
    messages = {span.trace_id for span in spans if span.name.startswith("websocket.receive")}
    trees = [tree(span for span in spans if span.trace_id == message) for message in messages]
    assert trees == [dedent(ONE_MESSAGE).strip()] * 2
