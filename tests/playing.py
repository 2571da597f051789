"""Playing messages against an ASGI application as a server would, all of them at once."""

from __future__ import annotations

import asyncio
from itertools import repeat
from typing import Any

from asgiref.testing import ApplicationCommunicator

from otel_ws import Config, Connection

Messages = list[dict[str, Any]]

CONNECT = {"type": "websocket.connect"}
HELLO = {"type": "websocket.receive", "text": "hello"}
LEAVE = {"type": "websocket.disconnect", "code": 1000, "reason": ""}
ACCEPT = {"type": "websocket.accept"}
EXCHANGE = (CONNECT, HELLO, LEAVE)


def scope_of(**changes: Any) -> dict[str, Any]:
    scope = {
        "type": "websocket",
        "path": "/room",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"example.org")],
        "subprotocols": [],
        "client": ("192.0.2.1", 50000),
        "server": ("127.0.0.1", 8000),
    }
    return scope | changes


def play(
    application: Any, *messages: dict[str, Any], scope: Any = None, **changes: Any
) -> list[dict[str, Any]]:
    """Return what the application sends when it receives `messages`; raise what it raises."""
    return asyncio.run(_play(application, messages or EXCHANGE, scope or scope_of(**changes)))


async def _play(application: Any, messages: Any, scope: Any) -> Messages:
    communicator = ApplicationCommunicator(application, scope)
    for message in messages:
        await communicator.send_input(dict(message))
    await communicator.wait(timeout=10)
    return [
        communicator.output_queue.get_nowait() for _ in range(communicator.output_queue.qsize())
    ]


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Accept, and send back what comes."""
    await receive()
    await send(dict(ACCEPT))
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


class Told:
    """A core connection that is told what happened, message by message."""

    def __init__(self, scope: Any = None, *, routes: Any = None, **settings: Any) -> None:
        self.scope = scope or scope_of()
        find_route = iter(routes or repeat("/room")).__next__
        self.connection = Connection(self.scope, Config(**settings), find_route=find_route)

    def receive(self, *messages: Any) -> Told:
        for message in messages:
            self.connection.receiving()
            self.connection.received(dict(message))
        return self

    def send(self, *messages: Any, error: BaseException | None = None) -> Told:
        for message in messages:
            span = self.connection.sending(dict(message))
            self.connection.sent(dict(message), span, error)
        return self

    def end(self, error: BaseException | None = None) -> None:
        self.connection.ended(error)
