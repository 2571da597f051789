"""What the two clients of ``httpx-ws`` have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import httpx
from httpx_ws import WebSocketDisconnect, WebSocketNetworkError, WebSocketUpgradeError
from wsproto.connection import ConnectionState
from wsproto.events import CloseConnection, Event, Message

from .._config import Config
from .._log import shielded
from ._adoption import equip, traced_class
from ._client import NOBODY, Client

CLOSED: Final = (WebSocketDisconnect, WebSocketNetworkError)
_ABNORMAL: Final = 1006
# What the library tells a server that it gives up; its user hears of a network error.
_GIVING_UP: Final = {
    "Stream error": "",
    "Stream write error": "",
    "Keepalive ping timeout": "ping timeout",
}


class Opening:
    """One call of `connect_ws`, whose session is to be traced by `kind`."""

    def __init__(
        self, url: Any, http: Any, config: Config, kind: type, arguments: dict[str, Any]
    ) -> None:
        self._url = url
        self._http = http
        self._config = config
        self._kind = kind
        self._arguments = arguments
        make = arguments.get("session_class") or kind
        made = shielded(traced_class)(kind, make) if isinstance(make, type) else None
        self._make: Callable[..., Any] = made or make
        self._client: Client | None = None

    @contextmanager
    def handshake(self) -> Iterator[dict[str, Any]]:
        """Shake hands in the block, with the arguments that are yielded."""
        arguments, headers = self._arguments, self._arguments.get("headers")
        url = _url(self._url, self._http, arguments.get("params"))
        client = self._client = Client(url, self._config, *CLOSED)
        try:
            with client.handshake(_names(self._http, headers) or ()) as ours:
                if ours and (joined := _joined(headers, ours)):
                    arguments = {**arguments, "headers": joined}
                where = {"url": self._url, "client": self._http}
                yield {**arguments, **where, "session_class": self._session}
        except BaseException as error:
            client.refused(error, _status(error))
            raise

    def _session(self, *args: Any, **kwargs: Any) -> Any:
        """Make the session: the server has accepted."""
        session = self._make(*args, **kwargs)
        if self._client is not None:
            self._client.accepted(session.subprotocol)
            equip(session, self._kind, self._client)
        return session

    @contextmanager
    def leaving(self, error: BaseException | None) -> Iterator[None]:
        """Close the session in the block: it is left, maybe with `error`."""
        client = self._client
        if client is not None:
            client.left(error)
        try:
            yield
        finally:
            if client is not None:
                client.ended()


class Session:
    """What a session of either kind knows of its tracing."""

    _traced: Client = NOBODY
    _is_in_fragments = False


def content_of(session: Session, event: Event) -> Any:
    """Return what is sent, if it is a whole message."""
    if isinstance(event, CloseConnection):
        session._traced.closing(event.code, event.reason)
    if not isinstance(event, Message):
        return None
    is_part = session._is_in_fragments or not event.message_finished
    session._is_in_fragments = not event.message_finished
    return None if is_part else event.data


def received(client: Client, event: Event) -> Any:
    """Return what the user gets."""
    if not isinstance(event, Message):
        return event
    return with_content(event, client.received(event.data))


@shielded
def failed(client: Client, error: BaseException) -> None:
    """Tell that the server has closed, or is lost."""
    if isinstance(error, WebSocketDisconnect):
        client.closed(error.code, error.reason)
    else:
        client.closed(_ABNORMAL)
    client.ended()


@shielded
def closing(client: Client, state: ConnectionState, code: int, reason: str | None) -> None:
    """Tell that the user closes, or the library: because it gives up, or to answer the server."""
    if reason in _GIVING_UP:
        client.closed(_ABNORMAL, _GIVING_UP[reason])
    elif state is ConnectionState.OPEN:
        client.closing(code, reason)
    elif state is ConnectionState.REMOTE_CLOSING:
        client.closed(None)


def with_content(event: Any, content: Any) -> Any:
    """Return a message as one with this content; what has none, as it is."""
    if content is None or content is event.data:
        return event
    return shielded(replace)(event, data=content) or event


@shielded
def _status(error: BaseException) -> int | None:
    return error.response.status_code if isinstance(error, WebSocketUpgradeError) else None


def _url(url: Any, http: Any, params: Any) -> str:
    """Return where a request leads: its URL may be relative to that of the client."""
    try:
        make = httpx.Request if http is None else http.build_request
        return str(make("GET", url, params=params).url)
    except Exception:  # The library will say what is wrong with it.
        return ""


@shielded
def _names(http: Any, headers: Any) -> list[str]:
    return [*(() if http is None else http.headers), *httpx.Headers(headers)]


@shielded
def _joined(headers: Any, ours: dict[str, str]) -> httpx.Headers:
    return httpx.Headers([*httpx.Headers(headers).multi_items(), *ours.items()])
