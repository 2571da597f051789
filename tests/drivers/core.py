"""The core alone: no loop, no application; it is told what happened."""

from __future__ import annotations

import contextvars
from typing import Any

from opentelemetry.context import attach

from otel_ws import Config, Connection

from .asgi import messages
from .behave import behave_sync
from .script import Commands, Leave, Say, Scenario
from .wire import PATH, scope_of

CAN = frozenset({"responses"})


def play(scenario: Scenario, **settings: Any) -> list[dict[str, Any]]:
    return contextvars.copy_context().run(_Play(scenario, settings).run)


class _Play:
    def __init__(self, scenario: Scenario, settings: dict[str, Any]) -> None:
        self.scenario = scenario
        self.config = Config(**settings)
        self.sent: list[dict[str, Any]] = []

    def run(self) -> list[dict[str, Any]]:
        scope = scope_of(self.scenario)
        if self.config.excludes(PATH, PATH):
            return self.sent
        self.connection = Connection(scope, self.config, find_route=lambda: PATH)
        attach(self.connection.context)
        try:
            self.serve()
        except BaseException as error:
            self.connection.ended(error)
            raise
        self.connection.ended()
        return self.sent

    def serve(self) -> None:
        server = self.scenario.server
        self.receive({"type": "websocket.connect"})
        self.behave(server.connect())
        for step in self.scenario.client:
            match step:
                case Say(data):
                    key = "text" if isinstance(data, str) else "bytes"
                    self.receive({"type": "websocket.receive", key: data})
                    self.behave(server.message(data))
                case Leave(code):
                    self.receive({"type": "websocket.disconnect", "code": code})
                    self.behave(server.disconnect())

    def receive(self, message: dict[str, Any]) -> None:
        self.connection.receiving()
        self.connection.received(message)

    def behave(self, commands: Commands) -> None:
        behave_sync(commands, self.perform)

    def perform(self, command: Any) -> None:
        for message in messages(command):
            span = self.connection.sending(message)
            self.sent.append(message)
            self.connection.sent(message, span)
