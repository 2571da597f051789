"""Playing a client against any ASGI application, with the messages a server would pass."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from asgiref.testing import ApplicationCommunicator
from opentelemetry import trace
from opentelemetry.context import Context, attach, detach

from .script import Cancel, Hear, Leave, Push, Say, Scenario, Wake

PATH = "/room"
_SECONDS = 5


class Stage:
    """What a server's behaviour and the test share: the tasks it makes, and how to send to it."""

    def __init__(self) -> None:
        self.wake = asyncio.Event()
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.tasks: list[asyncio.Task[None]] = []
        self.push: Any = None

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.create_task(work))


def scope_of(scenario: Scenario, path: str = PATH) -> dict[str, Any]:
    return {
        "type": "websocket",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"testserver"), *scenario.headers],
        "subprotocols": ["chat"],
        "extensions": {"websocket.http.response": {}},
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 80),
    }


async def play(
    application: Any, scenario: Scenario, stage: Stage, path: str = PATH
) -> list[dict[str, Any]]:
    """Play the scenario; return what the application sent, and raise what it raised."""
    client = _Client(ApplicationCommunicator(application, scope_of(scenario, path)), stage)
    await client.communicator.send_input({"type": "websocket.connect"})
    await client.until(_is_answer)
    for step in scenario.client:
        await client.do(step)
    await client.end()
    return client.heard


def _is_answer(message: dict[str, Any]) -> bool:
    return message["type"] in (
        "websocket.accept",
        "websocket.close",
        "websocket.http.response.body",
    )


class _Client:
    def __init__(self, communicator: ApplicationCommunicator, stage: Stage) -> None:
        self.communicator = communicator
        self.stage = stage
        self.heard: list[dict[str, Any]] = []

    async def until(self, wanted: Any) -> None:
        """Read what the application sends until `wanted` says so, or the application ends."""
        future = self.communicator.future
        while True:
            reading = asyncio.ensure_future(self.communicator.output_queue.get())
            pending = [reading] if future is None else [reading, future]
            await asyncio.wait(pending, timeout=_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                reading.cancel()
                assert future is not None
                assert future.done(), "the application neither sent anything nor ended"
                return
            self.heard.append(reading.result())
            if wanted(self.heard[-1]):
                return

    async def do(self, step: Any) -> None:
        match step:
            case Say(str(data)):
                await self.put({"type": "websocket.receive", "text": data})
            case Say(bytes(data)):
                await self.put({"type": "websocket.receive", "bytes": data})
            case Hear(data):
                await self.until(lambda sent: data in (sent.get("text"), sent.get("bytes")))
            case Leave(code):
                await self.put({"type": "websocket.disconnect", "code": code, "reason": ""})
            case Wake():
                self.stage.wake.set()
                await asyncio.gather(*self.stage.tasks)
            case Push(data, span):
                await asyncio.create_task(_push(self.stage, data, span))
            case Cancel():
                await asyncio.sleep(0)
                self.communicator.future.cancel()

    async def put(self, message: dict[str, Any]) -> None:
        await self.communicator.input_queue.put(message)

    async def end(self) -> None:
        """Wait for the application's end; raise what it raised."""
        future = self.communicator.future
        await asyncio.wait([future], timeout=_SECONDS)
        assert future.done(), "the application did not end"
        while not self.communicator.output_queue.empty():
            self.heard.append(self.communicator.output_queue.get_nowait())
        future.result()


async def _push(stage: Stage, data: str, span: str | None) -> None:
    token = attach(Context())
    try:
        if span is None:
            await stage.push(data)
        else:
            with trace.get_tracer("application").start_as_current_span(span):
                await stage.push(data)
    finally:
        detach(token)
