"""How a connection comes to its end, and whether that is an error."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from . import _semconv as names
from ._sides import SERVER, Side
from ._types import Message

# Sent by our side, these report a failure of ours (RFC 6455, section 7.4.1; IANA registry).
_SERVER_ERRORS: Final = frozenset({1011, 1013, 1014, 1015})
# Only a server says that the service restarts; uvicorn tells the application so at shutdown.
_SERVICE_RESTART: Final = 1012
# A server that gives up on a silent client tells its application so with a reason.
_PING_TIMEOUT_CODES: Final = frozenset({1006, 1011})
_FIRST_APPLICATION_CODE: Final = 3000


@dataclass(frozen=True, slots=True)
class Closure:
    """The first thing that closed a connection; what comes after it changes nothing."""

    code: int | None
    status: str
    is_own: bool
    """Our side has closed it."""
    reason: str | None = None

    def attributes(self, side: Side) -> dict[str, AttributeValue]:
        """Return what the span of the close says of it."""
        found: dict[str, AttributeValue] = {
            names.CLOSE_STATUS: self.status,
            names.CLOSE_INITIATOR: side.name if self.is_own else side.peer,
        }
        return found if self.code is None else {**found, names.CLOSE_CODE: self.code}

    def error(self, further_codes: frozenset[int]) -> str | None:
        """Return the ``error.type`` of a failure of our side, or of the user's `further_codes`."""
        own = self.is_own and self.code in _SERVER_ERRORS
        return str(self.code) if own or self.code in further_codes else None


class Ending:
    """Is told of whatever may close a connection, and says what did."""

    __slots__ = ("_closure", "_is_left", "_side")

    def __init__(self, side: Side) -> None:
        self._side = side
        self._closure: Closure | None = None
        self._is_left = False

    @property
    def is_by_peer(self) -> bool:
        """Tell whether the peer is gone, by its own doing."""
        return self._is_left if self._closure is None else not self._closure.is_own

    def closing(self, message: Message) -> None:
        """The application closes."""
        self._closure = self._closure or closed(message)

    def disconnected(self, message: Message) -> None:
        """What serves the connection tells that it is closed."""
        self._closure = self._closure or seen_disconnect(message, self._side)

    def refused(self, error: BaseException) -> bool:
        """A send has failed; tell whether that is because nobody is there any more."""
        self._is_left = self._is_left or _is_of_a_lost_peer(error)
        return self._is_left or self._closure is not None

    def conclude(self, error: BaseException | None, *, failed: bool) -> Closure:
        """Return the first thing that closed the connection.

        `error` is what the application has raised at its end, `failed` whether that is a failure.
        """
        if self._closure is not None:
            return self._closure
        if self._is_left:
            return left_by_peer()
        cancelled = error is not None and not isinstance(error, Exception)
        return left_open(failed=failed, cancelled=cancelled)


def _is_of_a_lost_peer(error: BaseException) -> bool:
    """Tell whether a server has raised `error` because nobody is there any more.

    ASGI wants an OSError. Daphne, once the close frame has come, lets one of Autobahn's through.
    """
    kind = type(error)
    named = (kind.__module__.partition(".")[0], kind.__name__)
    return isinstance(error, OSError) or named == ("autobahn", "Disconnected")


def closed(message: Message) -> Closure:
    """Judge a ``websocket.close`` of the application; the ASGI default of its code is 1000."""
    code = _integer(message.get("code"))
    code = 1000 if code is None else code
    return Closure(code, _status(code, None), True, message.get("reason"))


def seen_disconnect(message: Message, side: Side) -> Closure:
    """Judge a ``websocket.disconnect``; servers send codes as int, IntEnum or not at all."""
    code, reason = _integer(message.get("code")), message.get("reason")
    is_own = side is SERVER and code == _SERVICE_RESTART
    return Closure(code, _status(code, reason), is_own, reason)


def left_by_peer() -> Closure:
    """Judge a connection that nothing closed, and whose peer a send has found gone."""
    return Closure(None, names.CLOSE_STATUS_BY_CODE[1006], False)


def left_open(*, failed: bool, cancelled: bool) -> Closure:
    """Judge an application that ended without closing; what the client sees differs by server."""
    if cancelled:
        return Closure(None, names.CLOSE_STATUS_BY_CODE[_SERVICE_RESTART], True)
    status = names.CLOSE_STATUS_BY_CODE[1011 if failed else 1006]
    return Closure(None, status, True)


def _status(code: int | None, reason: Any) -> str:
    if code is None:
        return names.CLOSE_STATUS_BY_CODE[1005]
    if code in _PING_TIMEOUT_CODES and isinstance(reason, str) and "ping timeout" in reason:
        return names.CLOSE_TIMEOUT
    if code >= _FIRST_APPLICATION_CODE:
        return names.CLOSE_APPLICATION
    return names.CLOSE_STATUS_BY_CODE.get(code, names.CLOSE_STATUS_BY_CODE[1002])


def _integer(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return None
