"""Ends a server by SIGTERM while connections are open."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tests.wire.client import Caller, Observed, say_and_close, stay
from tests.wire.process import PATIENCE, ServerProcess
from tests.wire.servers import Server


async def shut_down(
    process: ServerProcess, callers: Sequence[Caller]
) -> tuple[int, list[Observed]]:
    """Connect the callers, end the server, and return its exit status and what they observed."""
    calls = asyncio.gather(*(caller.call(stay) for caller in callers))
    async with asyncio.timeout(PATIENCE):
        for caller in callers:
            await caller.arrived.wait()
    if process.server.name == "daphne":
        await await_housekeeping(process)
    ending = asyncio.create_task(asyncio.to_thread(process.terminate))
    if process.server.may_outlive_sigterm:
        await asyncio.gather(*(caller.websocket.close(4000, "bye") for caller in callers))
    return await ending, await calls


def last_words(server: Server) -> list[str]:
    """Return what an application may have been told in the end."""
    if server.may_outlive_sigterm:
        return [server.facts.told_close]
    return server.facts.told_shutdown.split(" or ")


def last_close(server: Server) -> str:
    """Return what a client has got in the end."""
    return server.facts.echoed_close if server.may_outlive_sigterm else server.facts.shutdown


async def await_housekeeping(process: ServerProcess) -> None:
    """Wait for Daphne's next round of housekeeping, which it makes every second.

    Its shutdown stumbles over a connection that was upgraded after the last one, and over one
    that outlives its application, and then cancels nothing. A round logs the crashes before it.
    """
    crashes = 1
    while (await Caller(process, "/untraced/plain/ws/crash").call(say_and_close)).close == "1011":
        crashes += 1  # a round came in between, and has left the connection behind
    await asyncio.to_thread(process.await_log, "Exception inside application", crashes)
