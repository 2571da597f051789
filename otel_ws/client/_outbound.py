"""One message on its way to the server."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final

from .._connection import Connection
from .._log import shielded
from .._sends import Sending
from .._silent import SilentConnection
from .._types import Message

_BINARY: Final = (bytes, bytearray, memoryview)


class Outbound:
    """A send: entering it yields what is to be sent, and leaving it says how that went."""

    __slots__ = ("_data", "_message", "_sending", "_told")

    def __init__(self, told: Connection | SilentConnection | None, data: Any) -> None:
        self._told = told
        self._data = data
        self._message: Message | None = None
        self._sending: Sending | None = None

    def __enter__(self) -> Any:
        content = None if self._told is None else self._begin(self._told)
        return self._data if content is None else content

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._told is not None and self._message is not None:
            self._told.sent(self._message, self._sending, error)

    @shielded
    def _begin(self, told: Connection | SilentConnection) -> Any:
        key = _key(self._data)
        if key is None:
            return None
        self._message = {"type": "websocket.send", key: self._data}
        self._sending = told.sending(self._message)
        return None if self._sending is None else self._sending.message[key]


def _key(data: Any) -> str | None:
    """Return the key that ASGI has for a message; fragments have none, and pass as they are."""
    if isinstance(data, str):
        return "text"
    return "bytes" if isinstance(data, _BINARY) else None
