"""A plain ASGI application."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from otel_ws.asgi import TracingMiddleware

from .behave import behave
from .script import Accept, Close, Respond, Send, Server
from .wire import PATH, Stage

CAN = frozenset({"tasks", "responses"})


def messages(command: Any) -> list[dict[str, Any]]:
    """Return what a command is in the messages of ASGI."""
    match command:
        case Accept(subprotocol):
            return [{"type": "websocket.accept", "subprotocol": subprotocol}]
        case Send(str(data)):
            return [{"type": "websocket.send", "text": data}]
        case Send(bytes(data)):
            return [{"type": "websocket.send", "bytes": data}]
        case Close(code, reason):
            return [{"type": "websocket.close", "code": code, "reason": reason}]
        case Respond(status):
            start = {"type": "websocket.http.response.start", "status": status, "headers": []}
            return [start, {"type": "websocket.http.response.body", "body": b"no"}]
    raise TypeError(command)


class _Middleware(TracingMiddleware):
    """A plain application has no router, so that this says the route."""

    def find_route(self, scope: Any) -> Callable[[], str]:
        return lambda: PATH


def build(server: Server, stage: Stage, **settings: Any) -> Any:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        async def perform(command: Any) -> None:
            for message in messages(command):
                await send(message)

        async def push(data: str) -> None:
            await perform(Send(data))

        stage.push = push
        await receive()
        await behave(server.connect(), perform, stage)
        while (message := await receive())["type"] == "websocket.receive":
            data = message.get("text") or message["bytes"]
            await behave(server.message(data), perform, stage)
        await behave(server.disconnect(), perform, stage)

    return _Middleware(application, **settings)
