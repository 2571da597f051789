"""A real client that plays the scenarios, and notes all that it observes."""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidMessage, InvalidStatus

from tests.wire.process import PATIENCE, ServerProcess
from tests.wire.servers import LEFT_OPEN

Data = str | bytes
# Headers that differ from one connection to the next, traced or not.
VARYING = {"date", "sec-websocket-accept"}
HALF_A_FRAME = b"\x81\x85\0\0\0\0he"
RESERVED_OPCODE = b"\x83\x80\0\0\0\0"


@dataclass
class Observed:
    """What a client observed of one connection."""

    status: int = 101
    """Zero for an answer that is not HTTP, or none."""
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    received: list[Data] = field(default_factory=list)
    close: str | None = None
    """The code and the reason of the close; none if the handshake was denied."""
    left_open: bool = False
    """Whether the server still answered when its application had gone."""


@dataclass(frozen=True)
class Take:
    """One connection: what its client observed, and what its server saw."""

    observed: Observed
    visit: dict[str, Any]


class Caller:
    """One connection to a server, to a path of it, and the script that is played on it."""

    def __init__(self, process: ServerProcess, path: str) -> None:
        self.process = process
        self.key = secrets.token_hex(16)
        self.uri = f"ws://127.0.0.1:{process.port}{path}"
        self.observed = Observed()
        self.arrived = asyncio.Event()

    async def call(self, script: Script) -> Observed:
        headers = {"traceparent": f"00-{self.key}-{secrets.token_hex(8)}-01"}
        try:
            async with asyncio.timeout(PATIENCE):
                async with connect(
                    self.uri, additional_headers=headers, compression=None, proxy=None
                ) as self.websocket:
                    await self._play(script)
        except InvalidStatus as denial:
            self._note(denial.response.status_code, denial.response.headers.raw_items())
            self.observed.body = bytes(denial.response.body or b"")
        except InvalidMessage:
            self.observed.status = 0
        return self.observed

    async def _play(self, script: Script) -> None:
        response = self.websocket.response
        assert response is not None
        self._note(response.status_code, response.headers.raw_items())
        with suppress(ConnectionClosed):  # the server was first: its close is what counts
            await script(self)
        await self.websocket.wait_closed()
        code, reason = self.websocket.close_code, self.websocket.close_reason
        self.observed.close = f"{int(code or 0)} {reason or ''}".strip()

    def _note(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        self.observed.status = status
        self.observed.headers = sorted(
            (name.lower(), value) for name, value in headers if name.lower() not in VARYING
        )

    async def take(self, script: Script) -> Take:
        """Play `script`, and wait until the application has ended."""
        return Take(await self.call(script), await self.visit())

    async def visit(self) -> dict[str, Any]:
        """Wait until the application has ended, and return what the server saw."""
        return await asyncio.to_thread(self.process.visit, self.key)

    async def exchange(self, data: Data) -> None:
        await self.websocket.send(data)
        self.observed.received.append(await self.websocket.recv())

    def write(self, frames: bytes) -> None:
        """Write to the socket what a well-behaved client would never send."""
        self.websocket.transport.write(frames)

    def reset(self) -> None:
        """Vanish: the kernel sends a TCP reset, and nothing of the protocol."""
        connection: socket.socket = self.websocket.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.websocket.transport.abort()


Script = Callable[[Caller], Awaitable[None]]


async def just_connect(caller: Caller) -> None:
    """Wait for what the server does."""


async def say(caller: Caller) -> None:
    await caller.websocket.send("hello")


async def say_and_close(caller: Caller) -> None:
    await caller.websocket.send("hello")
    await caller.websocket.close()


async def exchange_text_and_binary(caller: Caller) -> None:
    await caller.exchange("hello")
    await caller.exchange(b"\x00\xff")
    await caller.websocket.close(1000, "done")


async def close_with_reason(caller: Caller) -> None:
    await caller.websocket.close(4000, "bye")


async def close_without_code(caller: Caller) -> None:
    caller.websocket.protocol.send_close()
    caller.write(b"".join(caller.websocket.protocol.data_to_send()))


async def vanish(caller: Caller) -> None:
    caller.reset()


async def vanish_in_a_frame(caller: Caller) -> None:
    caller.write(HALF_A_FRAME)
    caller.reset()


async def send_malformed(caller: Caller) -> None:
    caller.write(RESERVED_OPCODE)


async def outstay(caller: Caller) -> None:
    """Send, wait until the application has gone, and see whether the server still answers."""
    await caller.websocket.send("hello")
    await caller.visit()
    if caller.process.server.facts.leave == LEFT_OPEN:
        await (await caller.websocket.ping())
        caller.observed.left_open = True
        await caller.websocket.close(1000, "alone")


async def stay(caller: Caller) -> None:
    """Exchange a message, say so, and wait for what the server does."""
    await caller.exchange("hello")
    caller.arrived.set()
