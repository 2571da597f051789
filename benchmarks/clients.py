"""The other end of a WebSocket, in process: plain callables that add as little as they can."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, MutableMapping
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


class Talking:
    """Sends `count` messages one after the other, and leaves.

    In between it does the same piece of work again and again, and takes the time of that:
    where a neighbour on the machine slows one down, it slows down the other.
    """

    def __init__(self, count: int, every: int) -> None:
        self.started = 0.0
        """CPU time of the process when the first message was asked for."""
        self.yards: list[float] = []
        """CPU times of the yardstick."""
        self.spent = 0.0
        """CPU time that all of that took."""
        self.answers = -1  # the acceptance is not one
        self._incoming = self._script(count, every)

    def _script(self, count: int, every: int) -> Iterator[Message]:
        yield {"type": "websocket.connect"}
        self.started = process_time()
        for number in range(count):
            if number % every == 0:
                self._measure_machine()
            yield {"type": "websocket.receive", "text": TEXT}
        yield {"type": "websocket.disconnect", "code": 1000}

    def _measure_machine(self) -> None:
        before = thread_time()
        yardstick(100)  # the caches hold what ran last, which is another thing for each subject
        start = thread_time()
        yardstick(500)
        after = thread_time()
        self.yards.append(after - start)
        self.spent += after - before

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
