"""Whoever sends to a group: the trace goes on in the consumers, in another process."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator, Iterator
from textwrap import dedent

import pytest
from websockets.asyncio.client import ClientConnection, connect

from otel_ws.testing import format_trace
from testproject.redis_server import RedisServer
from tests.layers.celery_worker import CELERY_WORKER, why_no_celery
from tests.layers.stage import DAPHNE, PATIENCE, Stage, stage


@pytest.fixture(scope="module")
def server(redis_server: RedisServer) -> Iterator[tuple[Stage, str]]:
    with stage(redis_server.url) as on, on.server(DAPHNE) as address:
        yield on, address


@pytest.fixture
def on(server: tuple[Stage, str]) -> Stage:
    return server[0]


@pytest.fixture
async def client(server: tuple[Stage, str]) -> AsyncIterator[ClientConnection]:
    """One who listens, and whose handshake has been exported and forgotten."""
    stage, address = server
    async with connect(f"ws://{address}/room", compression=None, proxy=None) as websocket:
        await asyncio.to_thread(stage.wait_for, lambda spans: len(spans) >= 2)
        stage.receiver.clear()
        yield websocket
    await asyncio.to_thread(stage.wait_for, lambda spans: spans[-1].name == "websocket.close")
    stage.receiver.clear()


async def get(address: str, path: str) -> None:
    with await asyncio.to_thread(urllib.request.urlopen, f"http://{address}{path}") as answer:
        assert answer.status == 200


async def hear(client: ClientConnection, text: str) -> None:
    async with asyncio.timeout(PATIENCE):
        assert await client.recv() == text


async def tree(on: Stage, count: int) -> str:
    return await asyncio.to_thread(on.tree_of, count)


def shown(text: str) -> str:
    return dedent(text).strip()


@pytest.mark.parametrize("kind", ["async", "sync"])
async def test_a_view(kind: str, server: tuple[Stage, str], client: ClientConnection) -> None:
    on, address = server
    await get(address, f"/{kind}")
    await hear(client, f"{kind} view")
    assert await tree(on, 4) == shown(
        f"""
        {kind} view
          group_send room.said
            process room.said -> remote
              websocket.send /room
        """
    )


async def test_a_thread_with_and_without_the_context(
    server: tuple[Stage, str], client: ClientConnection
) -> None:
    on, address = server
    await get(address, "/thread")
    await hear(client, "thread view")
    await hear(client, "thread view")
    assert await tree(on, 7) == shown(
        """
        thread view
          group_send room.said
            process room.said -> remote
              websocket.send /room
        group_send room.said
          process room.said -> remote
            websocket.send /room
        """
    )


async def test_a_management_command(on: Stage, client: ClientConnection) -> None:
    await asyncio.to_thread(on.run, "django", "announce")
    await hear(client, "announce")
    assert await tree(on, 4) == shown(
        """
        announce
          group_send room.said
            process room.said -> remote
              websocket.send /room
        """
    )
    services = {span.name: span.resource.attributes["service.name"] for span in on.receiver.spans}
    assert services == {
        "announce": "command",
        "group_send room.said": "command",
        "process room.said": "server",
        "websocket.send /room": "server",
    }


async def test_a_worker_and_back_to_the_one_who_has_asked(
    on: Stage, client: ClientConnection
) -> None:
    with on.worker("django", "runworker", "jobs"):
        await client.send("job resize")
        await hear(client, "done: job resize")
        found = await tree(on, 6)
    assert found == shown(
        """
        websocket.receive /room -> remote
          send job.run
            process job.run
              send room.said
                process room.said -> remote
                  websocket.send /room
        """
    )
    services = [span.resource.attributes["service.name"] for span in on.receiver.spans]
    assert services == ["server", "server", "worker", "worker", "server", "server"]


@pytest.mark.skipif(why_no_celery() != "", reason=why_no_celery())
async def test_a_celery_worker_with_its_own_instrumentation(
    on: Stage, client: ClientConnection
) -> None:
    with on.worker(*CELERY_WORKER):
        await asyncio.to_thread(on.run, "django", "announce", "--celery")
        await hear(client, "from celery")
        found = await tree(on, 6)
    assert found == shown(
        """
        announce
          apply_async/tests.layers.project.celery.tell_room
            run/tests.layers.project.celery.tell_room
              group_send room.said
                process room.said -> remote
                  websocket.send /room
        """
    )


HANDED_OVER = """
    websocket.receive /room -> remote
      render
        group_send room.said
          process room.said -> remote
            websocket.send /room
"""


async def test_a_list_in_redis_with_receipts(on: Stage, client: ClientConnection) -> None:
    with on.worker("django", "take"):
        await client.send("hand over a list")
        await hear(client, "done: hand over a list")
        assert await tree(on, 5) == shown(HANDED_OVER)
    message, render, *_ = spans = on.receiver.spans
    services = [span.resource.attributes["service.name"] for span in spans]
    assert services == ["server", "worker", "worker", "server", "server"]
    session = "websocket.session.id"
    assert render.attributes[session] == message.attributes[session]
    assert 0 <= render.attributes["websocket.handoff.wait_duration"] < PATIENCE


@pytest.mark.skipif(why_no_celery() != "", reason=why_no_celery())
async def test_a_celery_worker_with_receipts(on: Stage, client: ClientConnection) -> None:
    """The worker is instrumented and the server is not: without a receipt the trace would end."""
    with on.worker(*CELERY_WORKER):
        await client.send("hand to celery")
        await hear(client, "done: hand to celery")
        await tree(on, 6)
    run = "run/tests.layers.project.celery.render"
    ours = [span for span in on.receiver.spans if span.name != run]
    assert format_trace(ours) == shown(HANDED_OVER)  # type: ignore[arg-type]
    (its,) = (span for span in on.receiver.spans if span.name == run)
    assert its.parent is None
