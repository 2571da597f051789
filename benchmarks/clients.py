"""The other end of a WebSocket, in process: plain callables that add as little as they can."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, MutableMapping
from statistics import fmean
from time import process_time, thread_time
from typing import Any

Message = MutableMapping[str, Any]

TEXT = '{"type": "chat.message", "room": "lobby", "body": "hello, world"}'


def scope(path: str) -> dict[str, Any]:
    """Return what a server says of a connection that a browser opens."""
    return {
        "type": "websocket",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "http_version": "1.1",
        "scheme": "ws",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50000),
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            (b"user-agent", b"benchmark/1.0"),
            (b"upgrade", b"websocket"),
            (b"connection", b"Upgrade"),
        ],
        "subprotocols": [],
        "state": {},
        "extensions": {"websocket.http.response": {}},
    }


def yardstick(steps: int) -> object:
    """Do a fixed piece of work, 0.1 µs of it a step, that is like what tracing does."""
    made: dict[int, tuple[int, str]] = {}
    for number in range(steps):
        made[number & 63] = (number, str(number))
    return made


class Sample:
    """The CPU time of the process from now on.

    In between, the same piece of work is done again and again, and the time of that is taken:
    where a neighbour on the machine slows one down, it slows down the other.
    """

    def __init__(self) -> None:
        self._yards: list[float] = []
        self._spent = 0.0
        self._started = process_time()

    def measure_machine(self) -> None:
        before = thread_time()
        yardstick(100)  # the caches hold what ran last, which is another thing for each subject
        start = thread_time()
        yardstick(500)
        after = thread_time()
        self._yards.append(after - start)
        self._spent += after - before

    def taken(self, count: int) -> dict[str, float]:
        """Return what each of `count` pieces took, and the yardstick."""
        cpu = process_time() - self._started - self._spent
        return {"cpu": cpu / count, "yard": fmean(self._yards)}


class Talking:
    """Sends `count` messages one after the other, and leaves."""

    def __init__(self, count: int, every: int) -> None:
        self.sample = Sample()
        """What it takes from the moment that the first message is asked for."""
        self.answers = -1  # the acceptance is not one
        self._incoming = self._script(count, every)

    def _script(self, count: int, every: int) -> Iterator[Message]:
        yield {"type": "websocket.connect"}
        self.sample = Sample()
        for number in range(count):
            if number % every == 0:
                self.sample.measure_machine()
            yield {"type": "websocket.receive", "text": TEXT}
        yield {"type": "websocket.disconnect", "code": 1000}

    async def receive(self) -> Message:
        message = next(self._incoming, None)
        if message is None:
            await asyncio.Future()
            raise AssertionError
        return message

    async def send(self, message: Message) -> None:
        self.answers += 1


class Idling:
    """Sends one message, and then nothing until `leave`."""

    def __init__(self, leave: asyncio.Event) -> None:
        self.is_idle = False
        self._leave = leave
        self._incoming: Iterator[Message] = iter(
            ({"type": "websocket.connect"}, {"type": "websocket.receive", "text": TEXT})
        )

    async def receive(self) -> Message:
        message = next(self._incoming, None)
        if message is not None:
            return message
        self.is_idle = True
        await self._leave.wait()
        return {"type": "websocket.disconnect", "code": 1000}

    async def send(self, message: Message) -> None:
        pass


class Prompted:
    """Sends a message whenever it is told to, and tells `hear` what comes."""

    def __init__(self, hear: Callable[[], None]) -> None:
        self._hear = hear
        self._left = 0
        self._is_new = True
        self._leaves = False
        self._told = asyncio.Event()
        self._waits = asyncio.Event()

    async def is_waiting(self) -> None:
        """Wait until the application has done its work and asks for more."""
        await self._waits.wait()

    async def say(self, count: int = 1) -> None:
        """Send messages one after the other, and wait until the application has done its work."""
        self._left = count
        self._waits.clear()
        self._told.set()
        await self._waits.wait()

    def leave(self) -> None:
        self._leaves = True
        self._told.set()

    async def receive(self) -> Message:
        if self._is_new:
            self._is_new = False
            return {"type": "websocket.connect"}
        while not (self._left or self._leaves):
            self._told.clear()
            self._waits.set()
            await self._told.wait()
        if self._leaves:
            return {"type": "websocket.disconnect", "code": 1000}
        self._left -= 1
        return {"type": "websocket.receive", "text": TEXT}

    async def send(self, message: Message) -> None:
        if message["type"] == "websocket.send":
            self._hear()
