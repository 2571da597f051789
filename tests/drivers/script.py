"""The words of a scenario: what a server does, and what its client does."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

# What a server does.


@dataclass(frozen=True)
class Accept:
    subprotocol: str | None = None


@dataclass(frozen=True)
class Send:
    data: str | bytes


@dataclass(frozen=True)
class Close:
    code: int = 1000
    reason: str | None = None


@dataclass(frozen=True)
class Respond:
    """Deny the handshake with a response (the ASGI extension ``websocket.http.response``)."""

    status: int


@dataclass(frozen=True)
class Crash:
    error: BaseException = field(default_factory=lambda: LookupError("a bug of the application"))


@dataclass(frozen=True)
class Work:
    """A span of the application's own: a query, say."""

    name: str


@dataclass(frozen=True)
class Background:
    """Start a task that waits for the client's `Wake`, and does `commands` then."""

    commands: tuple[Any, ...]


@dataclass(frozen=True)
class Spawn:
    """Start a task that does `commands` at once."""

    commands: tuple[Any, ...]


@dataclass(frozen=True)
class Pause:
    """Wait for the client's `Wake`."""


@dataclass(frozen=True)
class Metered:
    """Do `commands` while a meter is open."""

    name: str
    commands: tuple[Any, ...]


@dataclass(frozen=True)
class Streamed:
    """Send `data` in a metered loop, which is left by ``break`` after `left_after` of them."""

    name: str
    data: tuple[str, ...]
    left_after: int | None = None


@dataclass(frozen=True)
class Employ:
    """Start a worker that resumes what is handed over through a queue."""


@dataclass(frozen=True)
class HandOver:
    """Put `commands` into the worker's queue, to be resumed as `name`."""

    name: str
    commands: tuple[Any, ...]


Commands = Iterable[Any]


def _nothing(*_: object) -> Commands:
    return ()


@dataclass(frozen=True)
class Server:
    connect: Callable[[], Commands] = lambda: (Accept(),)
    message: Callable[[str | bytes], Commands] = lambda data: (Send(data),)
    disconnect: Callable[[], Commands] = _nothing


# What a client does.


@dataclass(frozen=True)
class Say:
    data: str | bytes


@dataclass(frozen=True)
class Hear:
    data: str | bytes


@dataclass(frozen=True)
class Leave:
    code: int | None = 1000


@dataclass(frozen=True)
class Wake:
    """Let the server's background task go on."""


@dataclass(frozen=True)
class Push:
    """Send from a task that knows nothing of this connection; under a span of its own, if named."""

    data: str
    span: str | None = None


@dataclass(frozen=True)
class Cancel:
    """The server gives up the application's task, as at a shutdown."""


@dataclass(frozen=True)
class Scenario:
    name: str
    session: str
    """The expected tree in the model `session`."""
    connection: str
    """The expected tree in the model `connection`."""
    server: Server = field(default_factory=Server)
    client: tuple[Any, ...] = (Say("hello"), Hear("hello"), Leave())
    shown: tuple[str, ...] = ()
    """Attributes that the trees show."""
    raises: type[BaseException] | None = None
    """What the application raises, and so what must come out."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    needs: frozenset[str] = frozenset()
    """What a driver must be able to do: `tasks`, `responses`."""

    def __str__(self) -> str:
        return self.name.replace(" ", "-")
