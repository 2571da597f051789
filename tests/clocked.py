"""A core connection under a clock that the test sets."""

from __future__ import annotations

from typing import Any

from opentelemetry.context import attach

from otel_ws import Config, Connection

from .playing import ACCEPT, CONNECT, LEAVE, Told, scope_of

_NANO = 1_000_000_000


class Clock:
    """Stands still until it is told otherwise."""

    def __init__(self) -> None:
        self.now = 1_000 * _NANO

    def __call__(self) -> int:
        return self.now

    def forward(self, seconds: float) -> None:
        self.now += round(seconds * _NANO)


class Clocked(Told):
    """Is told what happens, from the handshake's acceptance on, in the connection's own context."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        turns: Any = "receive",
        detailed: bool = True,
        scope: Any = None,
        **settings: Any,
    ) -> None:
        self.clock = clock or Clock()
        self.scope = scope or scope_of()
        shell = Connection(
            self.scope,
            Config(**settings),
            find_route=lambda: "/room",
            turns=turns,
            detailed=detailed,
            clock=self.clock,
        )
        self.scope["otel_ws"] = shell.session
        attach(shell.context)
        self.connection: Any = shell.told()
        self.receive(CONNECT)
        self.send(ACCEPT)

    def hear(self, *texts: str) -> Clocked:
        """The client says these."""
        for text in texts:
            self.receive({"type": "websocket.receive", "text": text})
        return self

    def say(self, *texts: str) -> Clocked:
        """The application says these."""
        for text in texts:
            self.send({"type": "websocket.send", "text": text})
        return self

    def leave(self) -> None:
        """The client leaves, and the application is done."""
        self.receive(LEAVE)
        self.end()
