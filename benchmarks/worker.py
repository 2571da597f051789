"""One subject in a process of its own: it answers lines of JSON on stdin with lines on stdout."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import tracemalloc
from functools import cache
from typing import Any

from . import subjects, telemetry, workloads
from .clients import Idling, Talking, scope
from .crowds import Crowd
from .rooms import Chat

_SECONDS = 60.0
_WARM_UP_CONNECTIONS = 20
_BATCH = 500  # spans of so many messages fit into the queue of the batch processor
_AT_ONCE = 20


class Worker:
    """Measures one subject."""

    def __init__(self, subject: subjects.Subject) -> None:
        started = telemetry.start(subject.sdk)
        self._tracing = tracing = subject.tracing()
        # Some bring their own.
        self._telemetry = tracing if isinstance(tracing, telemetry.Telemetry) else started
        self._application = cache(self._build)

    def _build(self, workload: str) -> Any:
        return workloads.find(workload).application(self._tracing)

    async def talk(self, workload: str) -> dict[str, float]:
        """Return what a message costs in CPU seconds of this process, and in spans.

        `yard` is what the same fixed piece of work took at the time.
        """
        application, count = self._application(workload), workloads.find(workload).messages
        client = Talking(count, workloads.find(workload).every)
        before = self._telemetry.flush()
        gc.collect()
        async with asyncio.timeout(_SECONDS):
            await application(scope(workloads.PATH), client.receive, client.send)
        spans = self._telemetry.flush() - before
        taken = client.sample.taken(count)
        if client.answers != count:
            raise RuntimeError(f"{count} messages were sent, {client.answers} came back")
        return {**taken, "spans": spans / count}

    async def gather(self, workload: str) -> dict[str, float]:
        """Open a room, for as long as it takes until the order to `scatter`."""
        from . import channels_fanout

        fanout = workloads.find_fanout(workload)
        self._chat = Chat(channels_fanout.chat(self._tracing, fanout.layer), fanout.recipients)
        await self._chat.open()
        gc.collect()
        gc.freeze()  # whether the collector comes by is chance, and looks at a thousand consumers
        return {}

    async def publish(self, workload: str) -> dict[str, float]:
        """Return what a recipient of a message costs, as `talk` does what a message costs."""
        fanout = workloads.find_fanout(workload)
        before = self._telemetry.flush()
        gc.collect()
        async with asyncio.timeout(_SECONDS):
            sample = await self._chat.speak(fanout.publishings)
        spans = self._telemetry.flush() - before
        count = fanout.publishings * fanout.recipients
        return {**sample.taken(count), "spans": spans / count}

    async def scatter(self) -> dict[str, float]:
        gc.unfreeze()
        await self._chat.close()
        return {}

    async def assemble(self, workload: str, connections: int) -> dict[str, float]:
        """Open connections, for as long as it takes until the order to `dismiss`."""
        self._crowd = Crowd(self._application(workload))
        await self._crowd.open(connections)
        return {}

    async def exchange(self, messages: int, at_once: int) -> dict[str, float]:
        """Return what a message costs on the open connections, as `talk` does."""
        before = self._telemetry.flush()
        gc.collect()
        sample = await self._crowd.exchange(messages, at_once)
        spans = self._telemetry.flush() - before
        return {**sample.taken(messages), "spans": spans / messages}

    async def advance(self, messages: int) -> dict[str, float]:
        """Exchange messages, and measure nothing."""
        for start in range(0, messages, _BATCH):
            await self._crowd.exchange(min(_BATCH, messages - start), _AT_ONCE)
            self._telemetry.flush()
        return {}

    async def pile_up(self, messages: int) -> dict[str, float]:
        """Return the bytes that so many messages leave on the open connections."""
        tracemalloc.start()
        try:
            before = self._traced_bytes()
            await self.advance(messages)
            return {"bytes": self._traced_bytes() - before}
        finally:
            tracemalloc.stop()

    async def dismiss(self) -> dict[str, float]:
        await self._crowd.close()
        return {}

    async def idle(self, workload: str, connections: int) -> dict[str, float]:
        """Return the bytes that a connection holds which has nothing to say for now."""
        await self._held(workload, _WARM_UP_CONNECTIONS)
        tracemalloc.start()
        try:
            return {"bytes": await self._held(workload, connections) / connections}
        finally:
            tracemalloc.stop()

    async def _held(self, workload: str, connections: int) -> int:
        application, leave = self._application(workload), asyncio.Event()
        before = self._traced_bytes()
        clients = [Idling(leave) for _ in range(connections)]
        running = [
            asyncio.create_task(application(scope(workloads.PATH), each.receive, each.send))
            for each in clients
        ]
        async with asyncio.timeout(_SECONDS):
            while not all(each.is_idle for each in clients):
                await asyncio.sleep(0.01)
        held = self._traced_bytes() - before
        leave.set()
        await asyncio.gather(*running)
        return held

    def _traced_bytes(self) -> int:
        self._telemetry.flush()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]


async def _answer(worker: Worker) -> None:
    for line in sys.stdin:
        order = json.loads(line)
        answer = await getattr(worker, order.pop("do"))(**order)
        print(json.dumps(answer), flush=True)


def _stay_on_one_core() -> None:
    """Keep the threads of a subject from waking each other across cores, at changing cost."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


if __name__ == "__main__":
    _stay_on_one_core()
    asyncio.run(_answer(Worker(subjects.find(sys.argv[1]))))
