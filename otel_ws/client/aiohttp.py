"""The WebSockets of an ``aiohttp.ClientSession``, traced.

    async with ws_connect(session, "ws://localhost:8000/ws") as websocket:
        await websocket.send_str("hello")

It is ``session.ws_connect`` with all of its arguments, and `tracing`: the fields of
`otel_ws.Config`. Every handshake is a trace context of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from .._config import Config
from .._log import shielded
from .._settings import Settings
from ._adoption import equip
from ._client import NOBODY, Client, config_of

__all__ = ["ClientWebSocketResponse", "ws_connect"]

_DATA = (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY)
_CLOSED = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
_ABNORMAL = 1006


class ClientWebSocketResponse(aiohttp.ClientWebSocketResponse):
    """The library's WebSocket, traced; raw frames pass, and are not seen."""

    _traced: Client = NOBODY
    _receiving_in: asyncio.Task[Any] | None = None

    async def receive(self, *args: Any, **kwargs: Any) -> Any:
        self._traced.receiving()
        before, self._receiving_in = self._receiving_in, asyncio.current_task()
        try:
            message = await super().receive(*args, **kwargs)
        finally:
            self._receiving_in = before
        if message.type in _DATA:
            data = self._traced.received(message.data)
            return message if data is message.data else _with_data(message, data) or message
        if message.type in _CLOSED:
            _tell_closed(self, message)
            self._traced.ended()
        return message

    async def send_str(self, data: str, *args: Any, **kwargs: Any) -> None:
        with self._traced.sending(data) as content:
            await super().send_str(content, *args, **kwargs)

    async def send_bytes(self, data: bytes, *args: Any, **kwargs: Any) -> None:
        with self._traced.sending(data) as content:
            await super().send_bytes(content, *args, **kwargs)

    async def close(self, *, code: int = 1000, message: bytes = b"") -> bool:
        if self._receiving_in is not None and self._receiving_in is asyncio.current_task():
            # It is the library that closes, and not the user.
            return await super().close(code=code, message=message)
        if not self.closed:
            self._traced.closing(code, _text(message))
        try:
            return await super().close(code=code, message=message)
        finally:
            self._traced.ended()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        self._traced.left(exc_val)
        await super().__aexit__(exc_type, exc_val, exc_tb)


class _Connecting(
    Coroutine[Any, Any, aiohttp.ClientWebSocketResponse],
    AbstractAsyncContextManager[aiohttp.ClientWebSocketResponse],
):
    """A connection to come: awaited, entered, or made a task of, as the library's."""

    def __init__(self, connecting: Coroutine[Any, Any, aiohttp.ClientWebSocketResponse]) -> None:
        self._connecting = connecting

    def send(self, value: Any) -> Any:
        return self._connecting.send(value)

    def throw(self, *error: Any) -> Any:
        return self._connecting.throw(*error)

    def close(self) -> None:
        self._connecting.close()

    def __await__(self) -> Generator[Any, None, aiohttp.ClientWebSocketResponse]:
        return self._connecting.__await__()

    async def __aenter__(self) -> aiohttp.ClientWebSocketResponse:
        self._websocket = await self._connecting
        return await self._websocket.__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._websocket.__aexit__(exc_type, exc_value, traceback)


def ws_connect(
    session: aiohttp.ClientSession, url: Any, *, tracing: Settings | None = None, **kwargs: Any
) -> _Connecting:
    """Connect to a WebSocket server, as ``session.ws_connect`` does, traced.

    Raises `otel_ws.ConfigError` when something in `tracing` is wrong.
    """
    return _Connecting(_connect(session, url, config_of(tracing), kwargs))


async def _connect(
    session: aiohttp.ClientSession, url: Any, config: Config, kwargs: dict[str, Any]
) -> Any:
    headers = _headers_of(kwargs.get("headers"))
    client = Client(_url(session, url, kwargs.get("params")), config)
    try:
        with client.handshake([*session.headers, *(headers or ())]) as ours:
            if headers is not None:
                headers.update(ours)
                kwargs = {**kwargs, "headers": headers}
            websocket: Any = await session.ws_connect(url, **kwargs)
    except BaseException as error:
        client.refused(error, _status(error))
        raise
    client.accepted(websocket.protocol)
    equip(websocket, ClientWebSocketResponse, client)
    return websocket


@shielded
def _status(error: BaseException) -> int | None:
    return error.status if isinstance(error, aiohttp.WSServerHandshakeError) else None


def _url(session: aiohttp.ClientSession, url: Any, params: Any) -> str:
    """Return where a request leads: its URL may be relative to that of the session."""
    try:
        base: URL | None = getattr(session, "_base_url", None)
        found = URL(url) if base is None else base.join(URL(url))
        return str(found.update_query(params) if params else found)
    except Exception:  # The library will say what is wrong with it.
        return ""


@shielded
def _headers_of(given: Any) -> CIMultiDict[str]:
    """Return the user's headers, which may be an iterator, as what can be read twice."""
    return CIMultiDict(given or ())


@shielded
def _with_data(message: Any, data: Any) -> Any:
    return message._replace(data=data)


@shielded
def _tell_closed(websocket: ClientWebSocketResponse, message: Any) -> None:
    """Tell who has closed: the library closes by itself what it cannot read."""
    code = websocket.close_code
    if message.type is aiohttp.WSMsgType.CLOSE:
        websocket._traced.closed(message.data, message.extra)
    elif isinstance(message.data, aiohttp.WebSocketError):
        websocket._traced.closing(code)
    elif isinstance(websocket.exception(), aiohttp.ServerTimeoutError):
        websocket._traced.closed(_ABNORMAL, "ping timeout")
    else:  # Without a frame that says why, even if the library calls that normal.
        websocket._traced.closed(_ABNORMAL)


@shielded
def _text(message: Any) -> str:
    return message.decode(errors="replace") if isinstance(message, bytes) else str(message)
