"""A transport of the MCP SDK over any WebSocket: since version 2 it has none of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextvars import Context, copy_context
from typing import Self

from mcp.shared.message import SessionMessage
from mcp_types import jsonrpc_message_adapter


class Stream:
    """What the SDK reads messages from, and writes them to."""

    def __init__(
        self,
        receive: Callable[[], Awaitable[str | bytes]],
        send: Callable[[str], Awaitable[object]],
        closed: type[Exception],
    ) -> None:
        self._receive = receive
        self._send = send
        self._closed = closed
        self.last_context: Context | None = None
        """In which the SDK handles the message that it has got last."""

    async def receive(self) -> SessionMessage:
        text = await self._receive()
        self.last_context = copy_context()
        return SessionMessage(jsonrpc_message_adapter.validate_json(text, by_name=False))

    async def send(self, item: SessionMessage, /) -> None:
        await self._send(item.message.model_dump_json(by_alias=True, exclude_unset=True))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage:
        try:
            return await self.receive()
        except self._closed:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Leave the WebSocket open: who has opened it closes it."""
