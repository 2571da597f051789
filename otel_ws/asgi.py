"""The middleware for any ASGI application, to be put outermost of all."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from math import inf
from typing import Any, ClassVar, Final, Unpack

from opentelemetry.context import attach, get_current
from opentelemetry.trace import Span

from ._carriers import found_in
from ._config import Config
from ._connection import Connection
from ._cuts import tell_if_cut
from ._events import Events
from ._lifespan import serve_lifespan
from ._log import report, shielded
from ._neighbours import contrib_span, keep_out, server
from ._propagation import take_token
from ._session import SCOPE_KEY
from ._settings import Settings
from ._types import ASGIApp, Message, Receive, Scope, Send, Turns
from ._watch import Watch

__all__ = ["TracingMiddleware", "Wire", "dispatch_traced", "found_in"]

_CLOSE: Final = "websocket.close"


class TracingMiddleware:
    """Trace the WebSockets of an ASGI application.

    Takes the fields of `otel_ws.Config` as keywords, and raises `otel_ws.ConfigError` when one is
    wrong. Put it outermost: there it sees refusals, and answers ``lifespan`` for an application
    that does not. HTTP passes through untouched.
    """

    turns: ClassVar[Turns] = "receive"
    expected: ClassVar[tuple[type[BaseException], ...]] = ()
    answers_lifespan: ClassVar[bool] = True
    """Whether an application that refuses the protocol is answered for."""

    def __init__(self, app: ASGIApp, **settings: Unpack[Settings]) -> None:
        self.app = app
        self.config = self.reader(settings)
        self.config()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        kind = scope["type"]
        if kind == "lifespan":
            await self._serve_lifespan(scope, receive, send)
            return
        connection = self._begin(scope) if kind == "websocket" else None
        if connection is None:
            await self.app(scope, receive, send)
            return
        outside, wire = get_current(), self._enter(connection, scope, receive, send)
        del connection  # Its session and what is told have it, if anything is.
        try:
            if wire is None:
                await self.app(scope, receive, send)
                return
            try:
                await self.app(scope, wire.receive, wire.send)
            except BaseException as error:
                wire.ended(error)
                raise
            wire.ended()
        finally:
            attach(outside)

    @classmethod
    def around(cls, app: ASGIApp, scope: Scope, *, name: str) -> ASGIApp:
        """Return a handler that is to be traced, in a middleware if nobody has put one around it.

        `name` says whose handler it is, in the log line that then tells what is missing.
        """
        if scope["type"] == "websocket" and SCOPE_KEY not in scope:
            report(
                f"{name} is traced, but no TracingMiddleware is around its application: "
                "refused handshakes are not seen, and nothing is flushed at shutdown",
                period=inf,
            )
            return shielded(cls)(app) or app
        return app

    def reader(self, settings: Settings) -> Callable[[], Config]:
        """Return what is asked for the settings when a connection opens.

        It raises ConfigError when one is wrong, and is asked once at the start.
        """
        config = Config.load(settings)
        return lambda: config

    def find_route(self, scope: Scope) -> Callable[[], str | None]:
        """Return what tells the template of the route that `scope` takes, as far as it is known.

        That is asked when the connection opens, and again when it is answered.
        """
        return lambda: None

    def outer_span(self, scope: Scope) -> Span | None:
        """Return the span that somebody outside has opened for this handshake, if any.

        Asked first of all, and for every connection that there is a tracer for: the place to keep
        others from opening one.
        """
        return contrib_span()

    def wire(self, told: Any, receive: Receive, send: Send) -> Wire:
        """Return what the application talks to in place of the server; `told` hears of it."""
        return Wire(told, receive, send)

    def _begin(self, scope: Scope) -> Connection | None:
        """Begin to trace a connection; what did not begin here shall not begin inside."""
        connection = self._open(scope)
        scope.setdefault(SCOPE_KEY, None)
        return connection

    @shielded
    def _open(self, scope: Scope) -> Connection | None:
        """Return a new connection, unless it is traced already, or excluded."""
        if SCOPE_KEY in scope:
            return None
        config = self.config()
        if config.has_tracer and config.neighbours == "replace":
            keep_out()
        outer = shielded(self.outer_span)(scope) if config.has_tracer else None
        find_route = shielded(shielded(self.find_route)(scope) or (lambda: None))
        route = find_route()
        level = config.volume_of(scope, route)
        if level == "off" or config.excludes(scope.get("path", ""), route):
            if "subprotocol" in config.carriers:
                take_token(scope)
            scope[SCOPE_KEY] = None
            return None
        tell_if_cut(config)
        connection = Connection(
            scope,
            config,
            find_route=find_route,
            outer=outer,
            turns=self.turns,
            expected=self.expected,
            detailed=level == "messages",
        )
        scope[SCOPE_KEY] = connection.session
        return connection

    async def _serve_lifespan(self, scope: Scope, receive: Receive, send: Send) -> None:
        answers = self.answers_lifespan
        await serve_lifespan(self.app, scope, receive, send, self.config, answers=answers)

    def _enter(
        self, connection: Connection, scope: Scope, receive: Receive, send: Send
    ) -> Wire | None:
        """Make current what the application is to run in; return what it talks to, if not to us."""
        told = connection.told()
        attach(connection.context)
        if told is None:
            return None
        calls = shielded(server)(scope, receive, send)
        wire = shielded(self.wire)(told, *(calls or (receive, send)))
        if wire is None:
            connection.session._release()
        return wire


async def dispatch_traced(
    told: Connection | Events, dispatch: Callable[[Message], Awaitable[None]], message: Message
) -> None:
    """Call `dispatch` for a message, or an event, with the span that belongs to it current."""
    turn = told.dispatching(message)
    try:
        await dispatch(message)
    except BaseException as error:
        told.dispatched(message, turn, error)
        raise
    told.dispatched(message, turn)


class Wire(Watch):
    """The two callables that the application is given: they tell the connection what happens.

    They also have its turn watched, so that one that never ends is cut.
    """

    __slots__ = ("_receive", "_send", "_tells_receiving", "_tells_sending")

    def __init__(self, told: Any, receive: Receive, send: Send) -> None:
        super().__init__(told)
        self._tells_receiving, self._tells_sending = told.hears_receiving, told.hears_sending
        self._receive = receive
        self._send = send

    async def receive(self) -> Message:
        if self._tells_receiving:
            self._told.receiving()
        message = await self._receive()
        message = self._told.received(message) or message
        if self.round is None and self._told.is_turning:
            self.watch()
        return message

    async def send(self, message: Message) -> None:
        is_plain = type(message) is dict and message.get("type") != _CLOSE
        is_told = self._tells_sending or not is_plain
        sending = self._told.sending(message) if is_told else None
        try:
            await self._send(message if sending is None else sending.message)
        except BaseException as error:
            self._told.sent(message, sending, error)
            raise
        self._told.sent(message, sending)
        if self.round is None and self._told.is_turning:
            self.watch()

    def ended(self, error: BaseException | None = None) -> None:
        self.unwatch()
        self._told.ended(error)
