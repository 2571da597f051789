"""One subject in a process of its own: it answers lines of JSON on stdin with lines on stdout."""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import tracemalloc
from functools import cache
from statistics import fmean
from time import process_time
from typing import Any

from . import subjects, telemetry, workloads
from .clients import Idling, Talking, scope

_SECONDS = 60.0
_WARM_UP_CONNECTIONS = 20


class Worker:
    """Measures one subject."""

    def __init__(self, subject: subjects.Subject) -> None:
        self._telemetry = telemetry.start(subject.sdk)
        self._tracing = subject.tracing()
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
        cpu = process_time() - client.started - client.spent
        if client.answers != count:
            raise RuntimeError(f"{count} messages were sent, {client.answers} came back")
        return {"cpu": cpu / count, "spans": spans / count, "yard": fmean(client.yards)}

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
