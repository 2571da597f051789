"""Two server processes on one Redis, and what they export of the events between them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from textwrap import dedent

import pytest

from testproject.redis_server import RedisServer
from testproject.servers import App
from tests.layers.crowd import join, play
from tests.layers.stage import CORE, DAPHNE, PATIENCE, PUBSUB, UVICORN, Stage, stage, tree

Pair = tuple[Stage, list[str]]


@pytest.mark.parametrize(
    ("apps", "backend"),
    [((DAPHNE, DAPHNE), CORE), ((UVICORN, DAPHNE), CORE), ((UVICORN, DAPHNE), PUBSUB)],
    ids=["daphne-daphne-core", "uvicorn-daphne-core", "uvicorn-daphne-pubsub"],
)
async def test_one_message_is_one_trace_over_two_processes(
    apps: tuple[App, App], backend: str, redis_server: RedisServer
) -> None:
    with (
        stage(redis_server.url, backend=backend) as on,
        on.server(apps[0], "first") as first,
        on.server(apps[1], "second") as second,
    ):
        await _talk(first, second)
        spans = await asyncio.to_thread(
            on.wait_for, lambda spans: [s.name for s in spans].count("websocket.close") == 2
        )
    [sent] = [span for span in spans if span.name == "group_send room.said"]
    of_the_message = [span for span in spans if span.trace_id == sent.trace_id]
    assert tree(of_the_message) == dedent(
        """\
        websocket.receive /room -> remote
          group_send room.said
            process room.said -> remote
              websocket.send /room
            process room.said -> remote
              websocket.send /room"""
    )
    services = [span.resource.attributes["service.name"] for span in of_the_message]
    assert services[:2] == ["first", "first"]
    assert sorted(map(str, services[2:])) == ["first", "first", "second", "second"]
    handshakes = {link.context.span_id for span in of_the_message for link in span.links}
    assert [span.name for span in spans if span.span_id in handshakes] == ["GET /room"] * 2


async def _talk(first: str, second: str) -> None:
    async with (
        asyncio.timeout(PATIENCE),
        await join(f"ws://{first}/room") as here,
        await join(f"ws://{second}/room") as there,
    ):
        await here.send("hello")
        assert [await here.recv(), await there.recv()] == ["hello", "hello"]


@pytest.fixture(scope="module")
def pair(redis_server: RedisServer) -> Iterator[Pair]:
    """Two processes with the batch processor as the SDK makes it."""
    with ExitStack() as stack:
        on = stack.enter_context(stage(redis_server.url, delay=""))
        yield on, [stack.enter_context(on.server(app, app.key)) for app in (DAPHNE, UVICORN)]


@pytest.mark.parametrize("recipients", [1, 10, 100])
async def test_every_delivery_is_accounted_for(recipients: int, pair: Pair) -> None:
    """A thousand recipients are for `python -m tests.layers.crowd`."""
    on, addresses = pair
    on.receiver.clear()
    account = await play(on, addresses, recipients, events=3)
    assert account.heard == recipients * 3
    assert len(account.sends) == 3
    assert set(account.per_event.values()) == {recipients}
    assert account.strangers() == []
    assert account.doubles() == 0
    assert not account.reported


async def test_what_the_processor_drops_is_reported_by_the_sdk(redis_server: RedisServer) -> None:
    queue = {"OTEL_BSP_MAX_QUEUE_SIZE": "8", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "8"}
    with (
        stage(redis_server.url, more=queue) as on,
        on.server(DAPHNE) as first,
        on.server(UVICORN) as second,
    ):
        account = await play(on, [first, second], 40, events=3)
    assert account.heard == 120
    assert account.missing > 0
    assert account.reported
    assert account.doubles() == 0
