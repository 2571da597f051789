"""Whoever sends to a group: the trace goes on in the consumers, in another process."""

from __future__ import annotations

import asyncio
import urllib.request
from collections.abc import AsyncIterator, Iterator
from importlib.metadata import version
from importlib.util import find_spec
from textwrap import dedent

import pytest
from websockets.asyncio.client import ClientConnection, connect

from testproject.redis_server import RedisServer
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


@pytest.mark.skipif(
    not (find_spec("celery") and find_spec("opentelemetry.instrumentation.celery")),
    reason="not installed: celery, opentelemetry-instrumentation-celery",
)
@pytest.mark.skipif(
    version("redis") < "5.1", reason="today's Celery does not go with a Redis client of that age"
)
async def test_a_celery_worker_with_its_own_instrumentation(
    on: Stage, client: ClientConnection
) -> None:
    options = ("--pool=solo", "--loglevel=warning", "--without-gossip", "--without-mingle")
    with on.worker("celery", "--app=tests.layers.project.celery", "worker", *options):
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
