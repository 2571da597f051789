"""Whatever breaks in our own code, chunks, hand-offs, exceptions and cancels pass unchanged.

Each function below the public calls of `streams` and `handoff` is made to raise, one by one.
"""

from __future__ import annotations

import asyncio
import inspect
import pickle
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.trace import TracerProvider

from otel_ws.handoff import Receipt, handoff, resume
from otel_ws.streams import StreamMeter, meter_stream

from .streaming import application, visit
from .test_broken_internals import Broken, Part, _methods
from .test_broken_sdk import PROVIDERS

Say = Callable[[str], Awaitable[None]]
Story = Callable[[Say], Awaitable[Any]]


class Crash(Exception):
    """A bug of the application."""


async def tokens(*texts: str) -> AsyncIterator[str]:
    for text in texts:
        yield text


# --- what an application does, and what it comes to know of it ----------------------------------


async def a_meter(say: Say) -> None:
    with StreamMeter("reply") as meter:
        await say("a")
        await say("b")
    assert meter.measures.size >= 0


async def a_loop(say: Say) -> list[str]:
    heard = [text async for text in meter_stream(tokens("a", "b"), "reply")]
    for text in meter_stream("cd", "reply", since=1):
        await say(text)
    return heard


async def a_loop_that_is_left(say: Say) -> None:
    async for text in meter_stream(tokens("a", "b"), "reply"):
        await say(text)
        break
    await say("end")


async def a_loop_that_is_kept(say: Say) -> list[str]:
    loop, closed = meter_stream("abc", "reply"), meter_stream(tokens("a"), "closed")
    await say(next(loop))
    await anext(closed)
    await closed.aclose()
    return list(loop)


async def a_source_that_fails(say: Say) -> None:
    def source() -> Iterator[str]:
        yield "a"
        raise Crash("in the source")

    for text in meter_stream(source(), "reply"):
        await say(text)


async def a_body_that_fails(say: Say) -> None:
    with suppress(LookupError):
        async for _ in meter_stream(tokens("a"), "reply"):
            raise LookupError
    with StreamMeter("reply"):
        raise Crash("in the block")


async def a_cancel(say: Say) -> str:
    async def work() -> None:
        async for _ in meter_stream(tokens("a"), "reply"):
            with StreamMeter("inner"), handoff().resume("wait"):
                await asyncio.Event().wait()

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        return "cancelled"
    return "not cancelled"


async def a_peer_that_leaves(say: Say) -> None:
    with StreamMeter("reply"):
        await say("gone")


async def a_queue(say: Say) -> None:
    queue: asyncio.Queue[Any] = asyncio.Queue()

    async def worker() -> None:
        receipt, text = await queue.get()
        with receipt.resume("work"):
            await say(text)

    task = asyncio.create_task(worker())
    await queue.put((handoff(), "done"))
    await task


async def a_pool(say: Say) -> list[int]:
    receipt = handoff()
    with ThreadPoolExecutor(1) as pool:
        futures = [pool.submit(receipt.call, "add", sum, (1, 2)) for _ in range(2)]
    return [future.result() for future in futures]


async def a_coroutine(say: Say) -> Any:
    return await handoff().call("answer", asyncio.sleep, 0, "slept")


async def copies(say: Say) -> list[str]:
    receipt = handoff()
    results = []
    for copy in (pickle.loads(pickle.dumps(receipt)), Receipt.from_dict(receipt.to_dict())):
        with copy.resume("work"), resume("batch", receipt, copy):
            results.append("done")
    return results


async def work_that_fails(say: Say) -> None:
    with suppress(LookupError):
        handoff().call("work", {}.__getitem__, "nothing")
    with resume("batch", handoff(), Receipt.from_dict({"v": "?"})):
        raise Crash("at work")


STORIES: tuple[Story, ...] = (
    *(a_meter, a_loop, a_loop_that_is_left, a_loop_that_is_kept, a_source_that_fails),
    *(a_body_that_fails, a_cancel, a_peer_that_leaves, a_queue, a_pool, a_coroutine),
    *(copies, work_that_fails),
)


async def tell(story: Story, **settings: Any) -> Any:
    """Return what the application sent, was given back, and what it raised."""
    told: list[Any] = []

    async def handler(_: str, say: Say) -> None:
        async def noting(text: str) -> None:
            told.append(text)
            await say(text)

        told.append(await story(noting))

    app: Any = application(handler, **settings)
    try:
        await visit(app if settings else app.app, "go", "again")
    except Exception as error:
        return told, type(error), str(error)
    return told


def tell_all(**settings: Any) -> dict[str, Any]:
    return {story.__name__: asyncio.run(tell(story, **settings)) for story in STORIES}


expected = cache(tell_all)


def test_the_stories_differ() -> None:
    told = expected()
    assert told["a_meter"] == ["a", "b", None] * 2
    assert told["a_cancel"] == ["cancelled"] * 2
    assert told["a_peer_that_leaves"] == (["gone"], OSError, "the peer is gone")
    assert told["a_source_that_fails"] == (["a"], Crash, "in the source")


# --- one part after another ---------------------------------------------------------------------

SETTINGS: dict[str, Any] = {"meter_turns": True, "metrics": "message"}
MODULES = [
    import_module(f"otel_ws.{name}")
    for name in ("_causes", "_chunks", "_stream", "_streams", "_turn", "handoff", "streams")
]
THE_CALLS_THEMSELVES = {
    "streams.StreamMeter",
    "streams.meter_stream",
    "streams._Loop",
    "streams._AsyncMetered",
    "streams._Metered",
    "streams._end",  # what it calls is shielded
    "handoff.handoff",
    "handoff.resume",
    "handoff.Receipt",
    "handoff._unpickled",
    "handoff._Resumption.__init__",
}


def parts() -> Iterator[Part]:
    for module in MODULES:
        own = {k: v for k, v in vars(module).items() if _is_of(module, v)}
        for name, value in own.items():
            found = _methods(value) if inspect.isclass(value) else (Part(module, name),)
            yield from (part for part in found if not _is_a_call(str(part)))
    yield Part(Receipt, "_carrier")


def _is_of(module: ModuleType, value: Any) -> bool:
    return callable(value) and getattr(value, "__module__", None) == module.__name__


def _is_a_call(name: str) -> bool:
    return bool({name, name.rpartition(".")[0]} & THE_CALLS_THEMSELVES)


PARTS = list(parts())


@pytest.mark.parametrize("part", PARTS, ids=str)
def test_a_broken_part_hurts_nobody_and_is_named(
    part: Part,
    monkeypatch: pytest.MonkeyPatch,
    our_log: list[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    wanted = expected()
    calls = part.break_it(monkeypatch)
    providers = {"meter_provider": MeterProvider(), "tracer_provider": TracerProvider()}
    assert tell_all(**SETTINGS, **providers) == wanted
    assert calls, "no story reaches this part"
    assert our_log
    assert len(our_log) == len(set(our_log)), "a cause is logged once a minute"
    for record in caplog.records:
        assert record.exc_info is not None
        assert isinstance(record.exc_info[1], Broken)


def test_parts_are_found() -> None:
    found = {str(part) for part in PARTS}
    assert {"streams._begin", "handoff._Resumption._enter", "_streams.Streams.leave"} <= found
    assert len(found) > 30


@pytest.mark.parametrize("part", PROVIDERS)
def test_a_broken_part_of_the_sdk_hurts_nobody(part: str, our_log: list[str]) -> None:
    assert tell_all(**SETTINGS, tracer_provider=PROVIDERS[part]()) == expected()
    assert our_log
    assert len(our_log) == len(set(our_log))
