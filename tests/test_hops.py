"""Each row of the hops in docs/handoffs.md, played without a receipt and with one."""

from __future__ import annotations

import asyncio
import contextvars
import json
import multiprocessing
import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any

import anyio
import anyio.to_thread
import pytest
import redis
from asgiref.sync import async_to_sync, sync_to_async
from channels.layers import channel_layers
from opentelemetry import trace
from starlette.concurrency import run_in_threadpool

from otel_ws.handoff import Receipt, handoff
from otel_ws_channels import TracedConsumer
from otel_ws_channels.layers import TracedChannelLayer
from testproject.redis_server import RedisServer

from .drivers.say import converse
from .drivers.script import Hear, Leave, Say
from .pages import PAGES, tables
from .streaming import application
from .test_channels import application as channels_application

Give = Callable[[], Receipt]
Hop = Callable[[Give], Awaitable[tuple[int, ...]]]
HOPS: dict[str, Hop] = {}
SECONDS = 10


def where() -> int:
    """Return the trace that a span of the work is in: what every hop below comes to call."""
    with trace.get_tracer("application").start_as_current_span("work") as span:
        return span.get_span_context().trace_id


def task(receipt: Receipt) -> int:
    """Do the work with a receipt: that of nobody is like none."""
    return receipt.call("task", where)


async def atask(receipt: Receipt) -> int:
    return task(receipt)


def hop(row: str) -> Callable[[Hop], Hop]:
    def add(function: Hop) -> Hop:
        HOPS[row] = function
        return function

    return add


# --- where the context is copied ----------------------------------------------------------------


@hop("`asyncio.create_task`, `TaskGroup.create_task`")
async def _(give: Give) -> tuple[int, ...]:
    async with asyncio.TaskGroup() as group:
        first, second = asyncio.create_task(atask(give())), group.create_task(atask(give()))
    return (await first, second.result())


@hop("`loop.call_soon`, `loop.call_later`")
async def _(give: Give) -> tuple[int, ...]:
    loop, results = asyncio.get_running_loop(), asyncio.Queue[int]()

    def work(receipt: Receipt) -> None:
        results.put_nowait(task(receipt))

    loop.call_soon(work, give())
    loop.call_later(0, work, give())
    return (await results.get(), await results.get())


@hop("`asyncio.to_thread`")
async def _(give: Give) -> tuple[int, ...]:
    return (await asyncio.to_thread(task, give()),)


@hop("`anyio.to_thread.run_sync`, Starlette's `run_in_threadpool`")
async def _(give: Give) -> tuple[int, ...]:
    first = await anyio.to_thread.run_sync(task, give())
    return (first, await run_in_threadpool(task, give()))


@hop("a task group of anyio")
async def _(give: Give) -> tuple[int, ...]:
    results: list[int] = []

    async def work(receipt: Receipt) -> None:
        results.append(task(receipt))

    async with anyio.create_task_group() as group:
        group.start_soon(work, give())
    return (results[0],)


@hop("`sync_to_async`, `async_to_sync`")
async def _(give: Give) -> tuple[int, ...]:
    there, back_again = sync_to_async(task), sync_to_async(async_to_sync(atask))
    return (await there(give()), await back_again(give()))


# --- where it is not ----------------------------------------------------------------------------


@hop("`asyncio.Queue` to an older task")
async def _(give: Give) -> tuple[int, ...]:
    jobs, results = OLDER.jobs, OLDER.results
    await jobs.put(give())
    return (await results.get(),)


@hop("a memory stream of anyio to an older task")
async def _(give: Give) -> tuple[int, ...]:
    await OLDER.stream.send(give())
    return (await OLDER.results.get(),)


@hop("`queue.Queue` to a thread")
async def _(give: Give) -> tuple[int, ...]:
    jobs, results = queue.Queue[Receipt](), queue.Queue[int]()
    with elsewhere(lambda: results.put(task(jobs.get(timeout=SECONDS)))):
        jobs.put(give())
    return (results.get(timeout=SECONDS),)


@hop("`loop.run_in_executor`")
async def _(give: Give) -> tuple[int, ...]:
    return (await asyncio.get_running_loop().run_in_executor(None, task, give()),)


@hop("`ThreadPoolExecutor.submit`, `.map`")
async def _(give: Give) -> tuple[int, ...]:
    with ThreadPoolExecutor(1) as pool:
        first, (second,) = pool.submit(task, give()).result(), pool.map(task, [give()])
    return (first, second)


@hop("`ProcessPoolExecutor.submit`, `.map`")
async def _(give: Give) -> tuple[int, ...]:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, spawn, _trace_in_child) as pool:
        first = pool.submit(give().call, "task", where)
        return (await asyncio.wrap_future(first), *pool.map(task, [give()]))


def _trace_in_child() -> None:
    from opentelemetry.sdk.trace import TracerProvider

    trace.set_tracer_provider(TracerProvider())


@hop("`threading.Thread`")
async def _(give: Give) -> tuple[int, ...]:
    results = queue.Queue[int]()
    thread = threading.Thread(target=lambda receipt: results.put(task(receipt)), args=[give()])
    thread.start()
    thread.join(SECONDS)
    return (results.get(timeout=SECONDS),)


@hop("`threading.Timer`")
async def _(give: Give) -> tuple[int, ...]:
    results = queue.Queue[int]()
    threading.Timer(0, lambda receipt: results.put(task(receipt)), [give()]).start()
    return (await asyncio.to_thread(results.get, timeout=SECONDS),)


@hop("a Redis list")
async def _(give: Give) -> tuple[int, ...]:
    results = queue.Queue[int]()

    def work() -> None:
        with redis.Redis.from_url(OLDER.redis_url) as client:
            popped = client.brpop(["jobs"], timeout=SECONDS)
            results.put(task(Receipt.from_dict(json.loads(popped[1]))))

    with elsewhere(work), redis.Redis.from_url(OLDER.redis_url) as client:
        client.lpush("jobs", json.dumps(give().to_dict()))
    return (results.get(timeout=SECONDS),)


@hop("the arguments of a Celery task")
async def _(give: Give) -> tuple[int, ...]:
    """A worker of its own, on Redis, is in tests/layers."""
    if not find_spec("celery"):
        pytest.skip("not installed: celery")
    from celery import Celery

    app = Celery("hops", broker="memory://localhost")

    @app.task(ignore_result=True, shared=False)
    def work(carrier: dict[str, str]) -> int:
        return task(Receipt.from_dict(carrier))

    work.delay(give().to_dict())
    with app.connection() as connection, connection.SimpleQueue("celery") as jobs:
        message = jobs.get(timeout=SECONDS)
        message.ack()
        called = app.tasks[message.headers["task"]]
        return (contextvars.Context().run(called, *message.payload[0]),)


@hop("a traced channel layer")
async def _(give: Give) -> tuple[int, ...]:
    """Here the consumer does it: nothing of the sender's is at hand, and nothing is needed."""
    results = asyncio.Queue[int]()

    class Room(TracedConsumer):
        groups = ("room",)

        async def room_said(self, event: dict[str, Any]) -> None:
            results.put_nowait(task(Receipt.from_dict(event["receipt"])))
            await self.send("done")

    layer = TracedChannelLayer("channels.layers.InMemoryChannelLayer")
    channel_layers.set("default", layer)
    sent = asyncio.Event()

    async def listen() -> None:
        listener = asyncio.create_task(
            converse(channels_application(Room), Hear("done"), Leave()),
            context=contextvars.Context(),
        )
        while not layer.groups:
            await asyncio.sleep(0)
        sent.set()
        await listener

    listening = asyncio.create_task(listen())
    try:
        await sent.wait()
        event = {"type": "room.said", "receipt": give().to_dict()}
        await layer.group_send("room", event)
        await listening
    finally:
        channel_layers.backends.clear()
    return (await results.get(),)


# --- what is there before -----------------------------------------------------------------------


class Older:
    """What was started before the connection: its context knows nothing of it."""

    def __init__(self, redis_url: str) -> None:
        self.redis_url = redis_url
        self.jobs, self.results = asyncio.Queue[Receipt](), asyncio.Queue[int]()
        self.stream, self._received = anyio.create_memory_object_stream[Receipt](1)

    async def work(self) -> None:
        while True:
            self.results.put_nowait(task(await self.jobs.get()))

    async def work_on_stream(self) -> None:
        async with self.stream, self._received:
            async for receipt in self._received:
                self.results.put_nowait(task(receipt))


OLDER: Older


@pytest.fixture
async def older(redis_server: RedisServer) -> AsyncIterator[None]:
    global OLDER
    OLDER = Older(redis_server.url)
    tasks = [asyncio.create_task(work()) for work in (OLDER.work, OLDER.work_on_stream)]
    yield
    for each in tasks:
        each.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


@contextmanager
def elsewhere(work: Callable[[], None]) -> Iterator[None]:
    """Run `work` in a thread that knows nothing of us."""
    thread = threading.Thread(target=contextvars.Context().run, args=[work])
    thread.start()
    yield
    thread.join(SECONDS)


# --- what the page says -------------------------------------------------------------------------

HEADING = ["Hop", "Without a receipt", "With one"]
(ROWS,) = [rows for head, rows in tables(PAGES["docs/handoffs.md"].read_text()) if head == HEADING]


def test_every_hop_is_in_the_table_and_every_row_is_played() -> None:
    assert [row[0] for row in ROWS] == list(HOPS)


@pytest.mark.usefixtures("older", "spans")
@pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])
async def test_a_hop_is_as_the_table_says(row: list[str]) -> None:
    played: list[str] = []

    async def handler(_: str, say: Any) -> None:
        message = trace.get_current_span().get_span_context().trace_id
        for give in (Receipt, handoff):
            found = await HOPS[row[0]](give)
            assert 0 not in found
            in_trace = {each == message for each in found}
            played.append({(True,): "the message's trace", (False,): "another trace"}[*in_trace])
        await say("done")

    await converse(application(handler), Say("go"), Hear("done"), Leave())
    assert played == row[1:]
