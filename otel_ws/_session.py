"""What an application may know of its connection: one frozen value under one key of the scope."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, get_args

from opentelemetry.context import Context, create_key, get_value, set_value
from opentelemetry.trace import SpanContext

from ._config import Config
from ._settings import TrustLevel

if TYPE_CHECKING:
    from ._connection import Connection

SCOPE_KEY: Final = "otel_ws"
_LEVELS: Final = get_args(TrustLevel)
_CONTEXT_KEY: Final = create_key("otel_ws.session")


@dataclass(frozen=True, slots=True)
class Session:
    """One connection, as found in ``scope["otel_ws"]``. It survives copies of the scope."""

    id: str
    """Our random id of the connection: ``websocket.session.id`` on all of its spans."""
    handshake: SpanContext
    """The span of the handshake, to link to."""
    context: Context
    """What the handshake carried, as far as it is trusted: empty where it is not."""
    config: Config
    """The settings that this connection was opened with."""
    is_traced: bool
    """Whether messages have spans: not if the handshake is not recorded, and that is inherited,
    nor at a volume below `messages`."""
    connection: Connection | None = field(repr=False, compare=False)
    """The connection itself, for adapters, as long as it is served."""

    def trust(self, level: TrustLevel) -> None:
        """Trust the messages of this connection so far, whatever the settings say.

        For an application that knows by now who its user is: with ``"parent"`` the context in a
        message is continued. Raises ValueError for a level that there is not.
        """
        if level not in _LEVELS:
            raise ValueError(f"expected one of {', '.join(map(repr, _LEVELS))}, got {level!r}")
        connection = self.connection
        if connection is not None and connection.frame.carriers is not None:
            connection.frame.carriers.raised = level

    def __copy__(self) -> Session:
        """Return this: a copy of the scope belongs to the same connection."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Session:
        return self

    def _release(self) -> None:
        """Let go of the connection: a task that goes on, or a kept scope, is not to hold it."""
        object.__setattr__(self, "connection", None)


def current_session() -> Session | None:
    """Return the session of the connection that this code runs for, or None outside of one."""
    session = get_value(_CONTEXT_KEY)
    return session if isinstance(session, Session) else None


def with_session(session: Session | str, context: Context) -> Context:
    """Return `context` as one that belongs to a session, of which another process knows the id."""
    return set_value(_CONTEXT_KEY, session, context)


def session_id(context: Context | None = None) -> str | None:
    """Return the id of the session that a context belongs to; without one, the current one's."""
    session = get_value(_CONTEXT_KEY, context)
    if isinstance(session, Session):
        return session.id
    return session if isinstance(session, str) else None
