"""The engines of this process: loaded once, when somebody first needs them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context

from . import engines
from .engines import PLACES, Engines, Part
from .messages import Tell, Told


class Loader:
    """Loads the engines, and tells everybody who waits for them how far that is."""

    def __init__(
        self, load: Callable[[Callable[[Part, str], None]], Engines] = engines.load
    ) -> None:
        self._load = load
        self._loaded: Engines | None = None
        self._task: asyncio.Task[Engines] | None = None
        self._told: list[Told] = []
        self._waiting: set[asyncio.Queue[Told | None]] = set()

    async def get(self, tell: Tell) -> Engines:
        """Return the engines. Raises EngineError; who asks after that has them loaded anew."""
        if self._loaded is not None:
            return self._loaded
        progress: asyncio.Queue[Told | None] = asyncio.Queue()
        for known in self._told:
            progress.put_nowait(known)
        self._waiting.add(progress)
        if self._task is None:
            # It is nobody's: what it does is not to be in the trace of who came first.
            self._task = asyncio.create_task(self._run(), context=Context())
            # If it fails when all who waited have gone, nobody else takes notice of that.
            self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        task = self._task
        try:
            while (told := await progress.get()) is not None:
                await tell(told)
        finally:
            self._waiting.discard(progress)
        return await asyncio.shield(task)

    async def _run(self) -> Engines:
        loop = asyncio.get_running_loop()

        def told(part: Part, state: str) -> None:
            loop.call_soon_threadsafe(self._tell, part, state)

        try:
            self._loaded = await asyncio.to_thread(self._load, told)
            return self._loaded
        finally:
            self._task = None
            self._told.clear()
            for progress in self._waiting:
                progress.put_nowait(None)

    def _tell(self, part: Part, state: str) -> None:
        told: Told = {
            "kind": "loading",
            "part": part,
            "title": PLACES[part].title,
            "state": state,
        }
        self._told.append(told)
        for progress in self._waiting:
            progress.put_nowait(told)


LOADER = Loader()
