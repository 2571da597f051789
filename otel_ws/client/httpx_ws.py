"""The client of ``httpx-ws``, traced.

    async with aconnect_ws("http://localhost:8000/ws") as websocket:
        await websocket.send_text("hello")

These are that library's ``connect_ws`` and ``aconnect_ws`` with all of their arguments, and
`tracing`: the fields of `otel_ws.Config`. Every handshake is a trace context of its own.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import Any

import httpx_ws
from wsproto.events import Event

from .._settings import Settings
from ._client import config_of
from ._httpx_ws import (
    CLOSED,
    Opening,
    Session,
    closing,
    content_of,
    failed,
    received,
    with_content,
)

__all__ = ["AsyncWebSocketSession", "WebSocketSession", "aconnect_ws", "connect_ws"]


class WebSocketSession(Session, httpx_ws.WebSocketSession):
    """The library's session, traced; messages in fragments pass, and are not seen."""

    def send(self, event: Event) -> None:
        with self._traced.sending(content_of(self, event)) as content:
            super().send(with_content(event, content))

    def receive(self, *args: Any, **kwargs: Any) -> Any:
        self._traced.receiving()
        try:
            event = super().receive(*args, **kwargs)
        except CLOSED as error:
            failed(self._traced, error)
            raise
        return received(self._traced, event)

    def close(self, code: int = 1000, reason: str | None = None) -> None:
        closing(self._traced, self.connection.state, code, reason)
        super().close(code, reason)


class AsyncWebSocketSession(Session, httpx_ws.AsyncWebSocketSession):
    """The library's session, traced; messages in fragments pass, and are not seen."""

    async def send(self, event: Event) -> None:
        with self._traced.sending(content_of(self, event)) as content:
            await super().send(with_content(event, content))

    async def receive(self, *args: Any, **kwargs: Any) -> Any:
        self._traced.receiving()
        try:
            event = await super().receive(*args, **kwargs)
        except CLOSED as error:
            failed(self._traced, error)
            raise
        return received(self._traced, event)

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        closing(self._traced, self.connection.state, code, reason)
        await super().close(code, reason)


_Session = AbstractContextManager[httpx_ws.WebSocketSession]
_AsyncSession = AbstractAsyncContextManager[httpx_ws.AsyncWebSocketSession]


class _Connecting(_Session):
    def __init__(self, opening: Opening) -> None:
        self._opening = opening

    def __enter__(self) -> httpx_ws.WebSocketSession:
        with self._opening.handshake() as arguments:
            self._session: _Session = httpx_ws.connect_ws(**arguments)
            return self._session.__enter__()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        with self._opening.leaving(exc_value):
            return self._session.__exit__(exc_type, exc_value, traceback)


class _AsyncConnecting(_AsyncSession):
    def __init__(self, opening: Opening) -> None:
        self._opening = opening

    async def __aenter__(self) -> httpx_ws.AsyncWebSocketSession:
        with self._opening.handshake() as arguments:
            self._session: _AsyncSession = httpx_ws.aconnect_ws(**arguments)
            return await self._session.__aenter__()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        with self._opening.leaving(exc_value):
            return await self._session.__aexit__(exc_type, exc_value, traceback)


def connect_ws(
    url: str, client: Any = None, *, tracing: Settings | None = None, **kwargs: Any
) -> _Session:
    """Connect to a WebSocket server, as ``httpx_ws.connect_ws`` does, traced.

    Raises `otel_ws.ConfigError` when something in `tracing` is wrong.
    """
    return _Connecting(Opening(url, client, config_of(tracing), WebSocketSession, kwargs))


def aconnect_ws(
    url: str, client: Any = None, *, tracing: Settings | None = None, **kwargs: Any
) -> _AsyncSession:
    """Connect to a WebSocket server, as ``httpx_ws.aconnect_ws`` does, traced.

    Raises `otel_ws.ConfigError` when something in `tracing` is wrong.
    """
    return _AsyncConnecting(Opening(url, client, config_of(tracing), AsyncWebSocketSession, kwargs))
