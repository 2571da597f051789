"""The client of ``websockets``, traced.

    async with connect("ws://localhost:8000/ws") as websocket:
        await websocket.send("hello")

It is that library's ``connect`` with all of its arguments, and `tracing`: the fields of
`otel_ws.Config`. Every handshake, also that of a reconnection, is a trace context of its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Generator
from types import TracebackType
from typing import Any

from websockets.asyncio import client
from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from .._settings import Settings
from ._client import NOBODY, Client, config_of
from ._websockets import Opening, closed, headers_of, lost, refused

__all__ = ["ClientConnection", "connect", "unix_connect"]


class ClientConnection(client.ClientConnection):
    """The library's connection, traced; messages in fragments pass, and are not seen."""

    _traced: Client = NOBODY

    async def handshake(self, additional_headers: Any = None, *args: Any, **kwargs: Any) -> None:
        headers = headers_of(additional_headers)
        try:
            with self._traced.handshake(headers or ()) as ours:
                if headers is not None:
                    headers.update(ours)
                    additional_headers = headers
                await super().handshake(additional_headers, *args, **kwargs)
        except Exception as error:
            refused(self._traced, error)
            raise
        self._traced.accepted(self.subprotocol)

    async def recv(self, decode: bool | None = None) -> Any:
        self._traced.receiving()
        try:
            message = await super().recv(decode)
        except ConnectionClosed as error:
            closed(self._traced, error)
            self._traced.ended()
            raise
        return self._traced.received(message)

    def recv_streaming(self, decode: bool | None = None) -> AsyncIterator[Any]:
        self._traced.receiving()
        return super().recv_streaming(decode)

    async def send(self, message: Any, *args: Any, **kwargs: Any) -> None:
        with self._traced.sending(message) as content:
            await super().send(content, *args, **kwargs)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        if self.state is State.OPEN:
            self._traced.closing(code, reason)
        try:
            await super().close(code, reason)
        finally:
            lost(self._traced, self)
            self._traced.ended()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        lost(self._traced, self)
        self._traced.expire()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._traced.left(exc_value)
        await super().__aexit__(exc_type, exc_value, traceback)


class connect(client.connect):
    """Connect to a WebSocket server, as ``websockets.connect`` does, traced.

    Raises `otel_ws.ConfigError` when something in `tracing` is wrong.
    """

    def __init__(self, uri: str, *, tracing: Settings | None = None, **kwargs: Any) -> None:
        make = kwargs.pop("create_connection", None) or ClientConnection
        self._opening = Opening(uri, config_of(tracing), ClientConnection, make)
        create: Any = self._opening
        super().__init__(uri, create_connection=create, **kwargs)

    def __await__(self) -> Generator[Any, None, client.ClientConnection]:
        self._opening.begin()
        try:
            connection = yield from super().__await__()
        except BaseException as error:
            self._opening.failed(error)
            raise
        return connection

    async def __aenter__(self) -> client.ClientConnection:
        self._entered: client.ClientConnection = await super().__aenter__()
        return self._entered

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(self._entered, ClientConnection):
            self._entered._traced.left(exc_value)
        await super().__aexit__(exc_type, exc_value, traceback)


def unix_connect(
    path: Any = None, uri: str | None = None, *, tracing: Settings | None = None, **kwargs: Any
) -> connect:
    """Connect to a WebSocket server on a Unix socket, as ``websockets.unix_connect`` does."""
    scheme = "ws" if kwargs.get("ssl") is None else "wss"
    return connect(uri or f"{scheme}://localhost/", tracing=tracing, unix=True, path=path, **kwargs)
