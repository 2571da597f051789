"""Frameworks that read messages in a task of their own, ahead of the handlers that take them.

A span that is made current where such a framework reads is current in no handler. So nothing is
begun there: the handling of a message begins where a handler takes it.

    class TracedWebsocket(quart.Websocket):
        async def receive(self):
            return await take(super().receive)
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from . import asgi
from ._session import current_session
from ._types import Message, Receive, Send

__all__ = ["TracingMiddleware", "failed", "take"]

_D = TypeVar("_D", bound=str | bytes)


class TracingMiddleware(asgi.TracingMiddleware):
    """Trace an application whose framework reads ahead; its handlers `take` their messages.

    Takes the fields of `otel_ws.Config` as keywords.
    """

    def wire(self, told: Any, receive: Receive, send: Send) -> _Wire:
        return _Wire(told, receive, send)


async def take(receive: Callable[[], Awaitable[_D]]) -> _D:
    """Await what a handler takes: the handling of a message begins here.

    It ends where the same connection takes the next, or with the connection.
    """
    wire = _current()
    return await (receive() if wire is None else wire.take(receive))


def failed(error: BaseException) -> None:
    """Tell that the handling of a message has raised `error`, where the framework catches it."""
    wire = _current()
    if wire is not None:
        wire.failed(error)


_wires: dict[str, _Wire] = {}


def _current() -> _Wire | None:
    session = current_session()
    return None if session is None else _wires.get(session.id)


class _Wire(asgi.Wire):
    """Passes on what the framework reads, and tells the connection what the handlers take."""

    __slots__ = ("_key",)

    def __init__(self, told: Any, receive: Receive, send: Send) -> None:
        super().__init__(told, receive, send)
        session = current_session()
        self._key = "" if session is None else session.id
        _wires[self._key] = self

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "websocket.receive":
            return message
        return self._told.received(message) or message

    async def take(self, receive: Callable[[], Awaitable[_D]]) -> _D:
        if self._tells_receiving:
            self._told.receiving()
        data = await receive()
        key = "text" if isinstance(data, str) else "bytes"
        message: Message = {"type": "websocket.receive", key: data}
        message = self._told.received(message) or message
        if self.round is None and self._told.is_turning:
            self.watch()
        taken: _D = message[key]
        return taken

    def failed(self, error: BaseException) -> None:
        if self._tells_receiving:
            self._told.receiving(error)

    def ended(self, error: BaseException | None = None) -> None:
        _wires.pop(self._key, None)
        super().ended(error)
