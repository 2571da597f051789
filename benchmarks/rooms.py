"""A room full of listeners, in process, and one who speaks there."""

from __future__ import annotations

import asyncio
from typing import Any

from .clients import Prompted, Sample, scope
from .workloads import LISTEN, SPEAK

_SETTLING_SECONDS = 0.02


class Chat:
    """An application with an open room: who is there stays between the samples."""

    def __init__(self, application: Any, size: int) -> None:
        self._application = application
        self._size = size
        self._missing = 0
        self._all_have_heard = asyncio.Event()
        self._present: list[tuple[Prompted, asyncio.Task[None]]] = []

    async def open(self) -> None:
        self._speaker = await self._come(SPEAK)
        for _ in range(self._size):  # one by one: each needs a connection to Redis to enter
            await self._come(LISTEN)

    async def _come(self, path: str) -> Prompted:
        client = Prompted(self._hear)
        running = self._application(scope(path), client.receive, client.send)
        self._present.append((client, asyncio.create_task(running)))
        await client.is_waiting()
        return client

    def _hear(self) -> None:
        self._missing -= 1
        if not self._missing:
            self._all_have_heard.set()

    async def speak(self, count: int) -> Sample:
        """Say something `count` times, each time when all have heard what was said before."""
        await self._settle()  # a layer that polls has done so since
        sample = Sample()
        for _ in range(count):
            sample.measure_machine()
            self._missing = self._size
            self._all_have_heard.clear()
            await self._speaker.say()
            await self._all_have_heard.wait()
        await self._settle()
        return sample

    async def _settle(self) -> None:
        """Wait until all handlers have returned."""
        await asyncio.sleep(_SETTLING_SECONDS)

    async def close(self) -> None:
        for client, running in self._present:
            client.leave()
            await running
        self._present.clear()
