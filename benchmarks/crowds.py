"""Connections that stay open between the samples, and are spoken on in turns."""

from __future__ import annotations

import asyncio
from itertools import cycle
from typing import Any

from .clients import Prompted, Sample, scope
from .workloads import PATH

_EVERY = 20


class Crowd:
    """The connections of an application that echoes."""

    def __init__(self, application: Any) -> None:
        self._application = application
        self._present: list[tuple[Prompted, asyncio.Task[None]]] = []
        self._answers = 0

    async def open(self, size: int) -> None:
        for _ in range(size):
            client = Prompted(self._hear)
            running = self._application(scope(PATH), client.receive, client.send)
            self._present.append((client, asyncio.create_task(running)))
            await client.is_waiting()
        self._turns = cycle([client for client, _ in self._present])

    def _hear(self) -> None:
        self._answers += 1

    async def exchange(self, count: int, at_once: int) -> Sample:
        """Have `count` messages echoed, `at_once` of them by one connection before the next."""
        sample, answered = Sample(), self._answers
        for number in range(0, count, at_once):
            if number % _EVERY == 0:
                sample.measure_machine()
            await next(self._turns).say(at_once)
        if self._answers - answered != count:
            raise RuntimeError(f"{count} messages were sent, {self._answers - answered} came back")
        return sample

    async def close(self) -> None:
        for client, _ in self._present:
            client.leave()
        await asyncio.gather(*(running for _, running in self._present))
        self._present.clear()
