"""The threading client of ``websockets``, traced.

    with connect("ws://localhost:8000/ws") as websocket:
        websocket.send("hello")

It is ``websockets.sync.client.connect`` with all of its arguments, and `tracing`: the fields of
`otel_ws.Config`.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.protocol import State
from websockets.sync import client

from .._settings import Settings
from ._client import NOBODY, Client, config_of
from ._websockets import Opening, closed, headers_of, lost, refused

__all__ = ["ClientConnection", "connect", "unix_connect"]


class ClientConnection(client.ClientConnection):
    """The library's connection, traced; messages in fragments pass, and are not seen."""

    _traced: Client = NOBODY

    def handshake(self, additional_headers: Any = None, *args: Any, **kwargs: Any) -> None:
        headers = headers_of(additional_headers)
        try:
            with self._traced.handshake(headers or ()) as ours:
                if headers is not None:
                    headers.update(ours)
                    additional_headers = headers
                super().handshake(additional_headers, *args, **kwargs)
        except Exception as error:
            refused(self._traced, error)
            raise
        self._traced.accepted(self.subprotocol)

    def recv(self, *args: Any, **kwargs: Any) -> Any:
        self._traced.receiving()
        try:
            message = super().recv(*args, **kwargs)
        except ConnectionClosed as error:
            closed(self._traced, error)
            self._traced.ended()
            raise
        return self._traced.received(message)

    def recv_streaming(self, *args: Any, **kwargs: Any) -> Iterator[Any]:
        self._traced.receiving()
        return super().recv_streaming(*args, **kwargs)

    def send(self, message: Any, *args: Any, **kwargs: Any) -> None:
        with self._traced.sending(message) as content:
            super().send(content, *args, **kwargs)

    def close(self, code: int = 1000, reason: str = "") -> None:
        if self.state is State.OPEN:
            self._traced.closing(code, reason)
        try:
            super().close(code, reason)
        finally:
            lost(self._traced, self)
            self._traced.ended()

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._traced.left(exc_value)
        super().__exit__(exc_type, exc_value, traceback)


def connect(uri: str, *, tracing: Settings | None = None, **kwargs: Any) -> client.ClientConnection:
    """Connect to a WebSocket server, as ``websockets.sync.client.connect`` does, traced.

    Raises `otel_ws.ConfigError` when something in `tracing` is wrong.
    """
    opened: client.ClientConnection = _open(client.connect, uri, uri, tracing, kwargs)
    return opened


def unix_connect(
    path: Any = None, uri: str | None = None, *, tracing: Settings | None = None, **kwargs: Any
) -> client.ClientConnection:
    """Connect on a Unix socket, as ``websockets.sync.client.unix_connect`` does, traced."""
    scheme = "ws" if kwargs.get("ssl") is None else "wss"
    uri = uri or f"{scheme}://localhost/"
    arguments = {"uri": uri, **kwargs}
    opened: client.ClientConnection = _open(client.unix_connect, uri, path, tracing, arguments)
    return opened


def _open(call: Any, uri: str, where: Any, tracing: Settings | None, kwargs: dict[str, Any]) -> Any:
    make = kwargs.pop("create_connection", None) or ClientConnection
    opening = Opening(uri, config_of(tracing), ClientConnection, make)
    if kwargs.get("legacy") is not False:  # Otherwise it connects later, and again and again.
        opening.begin()
    try:
        return call(where, create_connection=opening, **kwargs)
    except BaseException as error:
        opening.failed(error)
        raise
