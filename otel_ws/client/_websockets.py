"""What the two clients of ``websockets`` have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.protocol import State

from .._config import Config
from .._log import shielded
from ._adoption import equip, traced_class
from ._client import Client

_ABNORMAL: Final = 1006
_REDIRECTS: Final = (300, 301, 302, 303, 307, 308)


class Opening:
    """What one call of `connect` opens: a connection, or one after the other if it is redirected.

    It takes the place of `create_connection`: `make` is the user's, or the library's own.
    """

    def __init__(self, uri: str, config: Config, kind: type, make: Any) -> None:
        self._uri = uri
        self._config = config
        self._kind = kind
        made = shielded(traced_class)(kind, make) if isinstance(make, type) else None
        self._make: Callable[..., Any] = made or make
        self._client: Client | None = None

    @shielded
    def begin(self) -> None:
        """Open a connection from now on."""
        self._client = Client(self._uri, self._config, ConnectionClosed)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        connection = self._make(*args, **kwargs)
        self._equip(connection)
        return connection

    @shielded
    def _equip(self, connection: Any) -> None:
        client = self._client
        if client is None or client.is_over:
            uri = _uri(connection) or self._uri
            client = self._client = Client(uri, self._config, ConnectionClosed)
        equip(connection, self._kind, client)

    @shielded
    def failed(self, error: BaseException) -> None:
        """Nothing was opened."""
        if self._client is not None:
            self._client.refused(error)


@shielded
def _uri(connection: Any) -> str:
    """Return where a connection leads, without the user in it."""
    uri = connection.protocol.uri
    host = f"[{uri.host}]" if ":" in uri.host else uri.host
    return f"{'wss' if uri.secure else 'ws'}://{host}:{uri.port}{uri.resource_name}"


@shielded
def headers_of(given: Any) -> Headers:
    """Return the user's headers, which may be an iterator, as what can be read twice."""
    return Headers(given or ())


@shielded
def refused(client: Client, error: Exception) -> None:
    """The handshake has failed, unless it is redirected."""
    if not isinstance(error, InvalidStatus):
        client.refused(error)
        return
    status = error.response.status_code
    if status in _REDIRECTS and "Location" in error.response.headers:
        client.answered(status)
    else:
        client.refused(error, status)


@shielded
def lost(client: Client, connection: Any) -> None:
    """Tell who has closed a connection, if it is closed by now."""
    if connection.state is State.CLOSED:
        closed(client, connection.protocol.close_exc)


@shielded
def closed(client: Client, error: ConnectionClosed) -> None:
    """Tell who has closed a connection: what the library closes by itself, the client has."""
    sent, received = error.sent, error.rcvd
    if sent is not None and not error.rcvd_then_sent:
        if received is None and "ping timeout" in sent.reason:
            client.closed(sent.code, sent.reason)
        else:
            client.closing(sent.code, sent.reason)
    if received is None:
        client.closed(_ABNORMAL)
    else:
        client.closed(received.code, received.reason)
