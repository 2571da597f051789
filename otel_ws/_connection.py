"""One WebSocket connection: it is told what happened, and decides which spans that means.

No I/O, no framework, and no clock but the one it is given (in the manner of a sans-IO protocol).
Its methods are shielded: a failure of ours reaches our log, and never the application.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import ClassVar

from opentelemetry.trace import Span, set_span_in_context

from ._config import Config
from ._events import Events
from ._frame import frame
from ._handshake import Handshake, ambient
from ._live import Live
from ._log import run_hook, shielded
from ._models import Trunk
from ._sends import Sending, wants_sends
from ._session import SCOPE_KEY, Session, with_session
from ._sides import CLIENT, SERVER, Side
from ._silent import SilentConnection
from ._streams import Parent
from ._turn import Turn, disown
from ._types import Message, Scope, Turns


class Connection:
    """One WebSocket, from its handshake to its close.

    `find_route` returns the route's template; it is asked when the handshake begins, and once
    more when it is answered if it was not known before. `outer` is a handshake span that somebody
    else has opened, `expected` what the framework raises to steer. `turns` says what delimits the
    handling of a message: the next ``receive()``, the adapter's word (`dispatching`,
    `dispatched`), or nothing. Without `detailed` there are spans of the connection, and none of
    its messages. `clock` returns nanoseconds since the epoch.
    """

    __slots__ = (
        *("__weakref__", "_arrived", "_events", "_handshake", "_is_over", "_live", "_turn"),
        *("_turns", "context", "frame", "is_silent", "session"),
    )
    hears_receiving: ClassVar = True

    def __init__(
        self,
        scope: Scope,
        config: Config,
        *,
        find_route: Callable[[], str | None] = lambda: None,
        outer: Span | None = None,
        turns: Turns = "receive",
        expected: tuple[type[BaseException], ...] = (),
        detailed: bool = True,
        side: Side = SERVER,
        clock: Callable[[], int] = time.time_ns,
    ) -> None:
        self.frame = frame(scope, config, secrets.token_hex(16), expected, side, clock)
        self._handshake: Handshake | None = Handshake(self.frame, find_route, outer)
        span, extracted = self._handshake.span, self._handshake.extracted
        inherits = config.inherit_sampling or not config.has_tracer
        self.is_silent = inherits and not span.is_recording()
        """The handshake is not recorded, and so neither is anything that follows from it."""
        own, is_traced = span.get_span_context(), detailed and not self.is_silent
        self.session = Session(self.frame.spans.session_id, own, extracted, config, is_traced, self)
        self._turns: Turns = turns if is_traced else "none"
        base = set_span_in_context(span, self._handshake.base)
        self.context = with_session(self.session, base if config.has_tracer else ambient(base))
        """What the application is to be called in; once it has accepted, what it is to go on in."""
        self._live: Live | None = None
        self._turn: Turn | None = None
        self._events: Events | None = None
        self._arrived, self._is_over = 0, False
        run_hook(config.hooks.on_handshake, span, scope)

    @staticmethod
    @shielded
    def of(scope: Scope) -> Connection | None:
        """Return the connection that `scope` belongs to, if its messages are traced."""
        session = scope.get(SCOPE_KEY)
        return session.connection if isinstance(session, Session) and session.is_traced else None

    @shielded
    def dispatches(self, *expected: type[BaseException], events: Events | None = None) -> None:
        """Let the caller delimit turns from now on. What is no message of ours is for `events`."""
        self._turns = "dispatch"
        self._events = events
        self.frame.spans.expect(*expected)

    @property
    def hears_sending(self) -> bool:
        """It wants to be told of any send before that happens as well, not only of a close."""
        return wants_sends(self.frame, is_traced=self.session.is_traced)

    @property
    def is_turning(self) -> bool:
        """Tell whether a turn is open that `cut` may have to end."""
        return self._turn is not None

    @shielded
    def told(self) -> Connection | SilentConnection | None:
        """Return what is to be told: this, or in its place one that only counts, or nobody."""
        if not self.is_silent or self._handshake is None:
            return self
        handshake, self._handshake = self._handshake, None
        if self.frame.measures.is_off and not (self.frame.carriers and self.frame.carriers.strips):
            self.session._release()
            return None
        return SilentConnection(self.session, self.frame, handshake)

    def receiving(self, error: BaseException | None = None) -> None:
        """The application asks for a message: it is done with the one before, or failed in it."""
        if self._turns != "dispatch":
            self._end_turn(error)

    def received(self, message: Message) -> Message:
        """The server had a message for the application; return what that is to get."""
        if (carriers := self.frame.carriers) is not None:
            message = carriers.read(message) or message
        self._received(message)
        return message

    @shielded
    def _received(self, message: Message) -> None:
        live, kind, self._arrived = self._live, message["type"], self.frame.clock()
        if kind == "websocket.receive" and live is not None:
            if self._turns == "receive" and not self._is_over:
                if self._turn is not None:
                    self._end_turn()
                self._turn = live.begin_message(message, self._arrived)
            elif self._turns == "none":
                self.frame.measures.handling(message)
        elif kind == "websocket.disconnect":
            self.frame.ending.disconnected(message)
            if live and self._turns != "dispatch" and self.frame.side is SERVER:
                live.begin_close().enter(live.settle())

    @shielded
    def dispatching(self, message: Message) -> Turn | None:
        """The framework hands a message or an event to its handler."""
        live, kind = self._live, message["type"]
        if live is None:
            return None
        if self._turn is not None:  # of an accept by a task that the connect handler did not await
            self._end_turn()
        if kind == "websocket.receive":
            return live.begin_message(message, self._arrived, is_dispatched=True)
        before = live.settle()
        if kind == "websocket.disconnect":
            (close := live.begin_close()).enter(before)
            return close
        if kind == "websocket.connect" or self._events is None or (trunk := self.trunk) is None:
            return None
        return self._events.begin(message, self.frame, trunk, before)

    def parent(self) -> Parent | None:
        """Return what a span grows from that the running code causes, if one does."""
        return None if self._live is None else self._live.parent()

    @property
    def trunk(self) -> Trunk | None:
        """What the processing of events grows from, on a connection that is open and traced."""
        return self._live.ground() if self._live and self.session.is_traced else None

    @shielded
    def dispatched(
        self, message: Message, turn: Turn | None, error: BaseException | None = None
    ) -> None:
        """The handler is done, or has raised `error`; `turn` is what `dispatching` returned."""
        if self._live is None:
            return
        if turn is not None and message["type"] == "websocket.disconnect":
            turn.leave()
        elif turn is not None:
            self._live.end_turn(turn, error)
        else:  # The only turn that is not handed over is what follows an accept.
            self._end_turn(error)
        self._live.settle()

    @shielded
    def sending(self, message: Message) -> Sending | None:
        """The application sends; what is returned belongs to `sent`."""
        kind = message["type"]
        if self._live is None:
            return None
        if kind == "websocket.send":
            return self._live.begin_send(message)
        if kind == "websocket.close":
            self.frame.ending.closing(message)
            self._live.begin_close(sent=True)
        return None

    @shielded
    def sent(
        self, message: Message, sending: Sending | None, error: BaseException | None = None
    ) -> None:
        """The server has taken what was sent, or has refused it with `error`."""
        if self._live is None:
            if error is None and self._handshake is not None:
                self._answered(self._handshake, message)
        elif message["type"] == "websocket.send":
            self._live.end_send(message, sending, error)

    @shielded
    def cut(self) -> float | None:
        """End a turn that is too old; return the seconds that an open one has left, if any."""
        if self._turn is None or self._live is None:
            return None
        if (left := self._live.cut(self._turn)) <= 0:
            self._turn = None
        return left if self._turn else None

    @shielded
    def ended(self, error: BaseException | None = None) -> None:
        """The application has returned, or has raised `error`: what is open ends here."""
        self._is_over = True
        self._end_turn(error)
        if self._live is not None:
            shielded(self._live.end)(error)
        elif self._handshake is not None:
            shielded(self._handshake.abandoned)(error)
        self.frame.spans.forget_error()
        self.session._release()

    def _answered(self, handshake: Handshake, message: Message) -> None:
        if message["type"] != "websocket.accept":
            handshake.answered(message)
            return
        handshake.accepted(message)
        disown(handshake.span)
        base, is_traced = with_session(self.session, handshake.base), self.session.is_traced
        self._live = live = Live(self.frame, handshake.span, base, detailed=is_traced)
        self._handshake, self.context = None, live.trunk.context
        if self.frame.side is CLIENT:
            return
        if is_traced:
            self._turn = live.begin_open(handshake.span, enter=self._turns != "none")
        live.settle()

    @shielded
    def _end_turn(self, error: BaseException | None = None) -> None:
        turn, self._turn = self._turn, None
        if self._turns == "none":
            self.frame.measures.handled(self.frame.spans.failure(error))
        if turn is not None and self._live is not None:
            self._live.end_turn(turn, error)
