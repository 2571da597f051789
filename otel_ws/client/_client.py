"""One connection of a client: the core's, told in the words that client libraries share.

For the core a client is the mirrored server: what it gets is received, what it gives is sent, and
that the server has accepted is told as an application's accepting is.
"""

from __future__ import annotations

import asyncio
import contextvars
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry import propagate
from opentelemetry.context import (
    _SUPPRESS_HTTP_INSTRUMENTATION_KEY,
    Context,
    attach,
    get_current,
)

from .._config import Config
from .._connection import Connection
from .._cuts import tell_if_cut
from .._log import shielded
from .._session import SCOPE_KEY
from .._settings import Settings
from .._sides import CLIENT
from .._silent import SilentConnection
from .._types import Message
from .._watch import Watch
from ._address import scope_of
from ._outbound import Outbound
from ._places import Place, place_of_turn, step_out

_TRUST: Final = "OTEL_WS_MESSAGE_TRUST"


def config_of(settings: Settings | None) -> Config:
    """Return the settings of a client: keywords before the environment.

    Where neither says otherwise, the server's messages are trusted: it is the client that has
    chosen whom to talk to. Raises ConfigError when one is wrong.
    """
    environ = {name: value for name, value in os.environ.items() if value}
    return Config.load(settings or {}, environ={_TRUST: "parent", **environ})


class Client:
    """Is told what happens on a connection to `url`. Nothing that it is told makes it raise.

    `steering` are the exceptions by which the library says that the connection is closed.
    """

    def __init__(self, url: str, config: Config, *steering: type[BaseException]) -> None:
        self._config = config
        self._steering = steering
        self._told: Connection | SilentConnection | None = None
        self._context: Context | None = None
        self._watch = Watch(None)
        self._place: Place | None = None
        self._error: BaseException | None = None
        self._giving_up: asyncio.TimerHandle | None = None
        self.is_over = self._is_open = self._is_closed = False
        self._begin(url)

    @shielded
    def _begin(self, url: str) -> None:
        scope = scope_of(url)
        level = self._config.volume_of(scope, None)
        if level == "off" or self._config.excludes(scope["path"], None):
            return
        tell_if_cut(self._config)
        step_out()
        connection = Connection(
            scope,
            self._config,
            expected=self._steering,
            detailed=level == "messages",
            side=CLIENT,
        )
        scope[SCOPE_KEY] = connection.session
        # Without an SDK there is no span, and what is current travels on.
        context = connection.context if connection.session.handshake.is_valid else get_current()
        # Whoever sends the request for us need not make a second span of it.
        self._context = Context({**context, _SUPPRESS_HTTP_INSTRUMENTATION_KEY: True})
        self._told = connection.told()
        self._watch = Watch(self._told)

    @contextmanager
    def handshake(self, given: Iterable[str] = ()) -> Iterator[dict[str, str]]:
        """Shake hands in the block, with the headers that are yielded beside those `given`."""
        before = get_current()
        if self._context is not None:
            attach(self._context)
        try:
            yield self._headers(given) or {}
        finally:
            if get_current() is self._context:  # What was given up may be cleaned up anywhere.
                attach(before)

    @shielded
    def _headers(self, given: Iterable[str]) -> dict[str, str]:
        """Return the headers to add: none of ours if the user has put a context there."""
        headers: dict[str, str] = {}
        if self._context is None or "headers" not in self._config.carriers:
            return headers
        propagate.inject(headers)
        theirs = {name.lower() for name in given}
        if theirs & headers.keys() - {"baggage"}:
            return {}
        return {name: value for name, value in headers.items() if name not in theirs}

    @shielded
    def accepted(self, subprotocol: str | None = None) -> None:
        """The server has accepted."""
        self._is_open = True
        if self._told is not None:
            self._told.sent({"type": "websocket.accept", "subprotocol": subprotocol}, None)

    @shielded
    def answered(self, status: int) -> None:
        """The server has answered otherwise, and the library knows what to do."""
        if self._told is not None and not self._is_open:
            self._told.sent({"type": "websocket.http.response.start", "status": status}, None)
            self._told.sent({"type": "websocket.http.response.body"}, None)
        self.ended()

    @shielded
    def refused(self, error: BaseException, status: int | None = None) -> None:
        """The handshake has failed with `error`, maybe because the server has answered so."""
        if status is not None and status >= CLIENT.first_error_status:
            self.answered(status)
        elif self._told is not None and status is not None and not self.is_over:
            self._told.sent({"type": "websocket.http.response.start", "status": status}, None)
        self.ended(error)

    @shielded
    def receiving(self, error: BaseException | None = None) -> None:
        """A message is asked for: the one before is handled, or its handling has raised `error`."""
        if self._told is not None:
            place, self._place = self._place, None
            is_here = place is not None and place.is_here
            self._told.receiving(error)
            self._step_out(place, is_here)

    @shielded
    def _step_out(self, place: Place | None, was_here: bool) -> None:
        if place is not None and (place.is_here or not was_here):
            place.leave()
        else:
            step_out()

    def received(self, data: Any) -> Any:
        """A message has come; return what the caller is to get."""
        found = None if self._told is None else self._received(data)
        return data if found is None else found

    @shielded
    def _received(self, data: Any) -> Any:
        before = get_current()
        key = "text" if isinstance(data, str) else "bytes"
        message: Message = {"type": "websocket.receive", key: data}
        if self._told is not None:
            message = self._told.received(message) or message
            if self._told.is_turning:
                self._place = place_of_turn(before)
                self._watch.watch()
        return message[key]

    def sending(self, data: Any) -> Outbound:
        """Enter what is returned to send what that yields."""
        return Outbound(self._told, data)

    @shielded
    def closing(self, code: int | None, reason: str | None = None) -> None:
        """The client closes: the message that has made it do so is handled."""
        if self._told is not None and self._is_open and not self._is_closed:
            self._told.sending({"type": "websocket.close", "code": code, "reason": reason})
        if self._place is not None and self._place.is_here:
            self.receiving()

    @shielded
    def closed(self, code: int | None, reason: str | None = None) -> None:
        """The connection is closed, by the server if by nobody before.

        What has come until then may still be received.
        """
        if self._told is not None and self._is_open and not self._is_closed:
            self._is_closed = True
            disconnect = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self._told.received(disconnect)

    @shielded
    def expire(self) -> None:
        """End after a while, if nobody has come to receive that."""
        if self._told is not None and self._is_open and not self.is_over:
            loop, seconds = asyncio.get_running_loop(), self._config.max_message_age
            nowhere = contextvars.Context()
            self._giving_up = loop.call_later(seconds, self._give_up, context=nowhere)

    def _give_up(self) -> None:
        if self._told is not None and self._told.is_turning:
            self.expire()
        else:
            self.ended()

    @shielded
    def left(self, error: BaseException | None) -> None:
        """The block of the connection is left, maybe with `error`; it is closed after that.

        A cancellation is its end at once: how the library closes then is no news.
        """
        self.receiving(error)
        if self._told is not None and not self.is_over:
            self._error = error
        if error is not None and not isinstance(error, Exception):
            self.ended()

    @shielded
    def ended(self, error: BaseException | None = None) -> None:
        """Nothing more comes."""
        if self.is_over:
            return
        self.is_over = True
        self._watch.unwatch()
        if self._giving_up is not None:
            self._giving_up.cancel()
        error, self._error = error or self._error, None
        if self._told is not None:
            place, self._place = self._place, None
            is_here = place is not None and place.is_here
            self._told.ended(error)
            self._step_out(place, is_here)


NOBODY: Final = Client("", Config(volume={"*": "off"}))
"""Is told in vain, of a connection that nobody has asked to be traced."""
