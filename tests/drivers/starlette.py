"""Starlette with a function and with a class, and FastAPI."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fastapi import Depends, FastAPI
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from otel_ws_starlette import TracedWebSocketEndpoint, TracingMiddleware

from .behave import behave
from .script import Accept, Close, Respond, Send, Server
from .wire import PATH, Stage

CAN = frozenset({"tasks", "responses"})


def performer(websocket: WebSocket) -> Callable[[Any], Any]:
    async def perform(command: Any) -> None:
        match command:
            case Accept(subprotocol):
                await websocket.accept(subprotocol)
            case Send(str(data)):
                await websocket.send_text(data)
            case Send(bytes(data)):
                await websocket.send_bytes(data)
            case Close(code, reason):
                await websocket.close(code, reason)
            case Respond(status):
                await websocket.send_denial_response(PlainTextResponse("no", status))

    return perform


def endpoint(server: Server, stage: Stage) -> Callable[[WebSocket], Any]:
    async def room(websocket: WebSocket) -> None:
        perform = performer(websocket)
        stage.push = websocket.send_text
        await websocket.receive()
        await behave(server.connect(), perform, stage)
        while (message := await websocket.receive())["type"] == "websocket.receive":
            data = message.get("text") or message["bytes"]
            await behave(server.message(data), perform, stage)
        await behave(server.disconnect(), perform, stage)

    return room


def build_function(server: Server, stage: Stage, **settings: Any) -> Any:
    return TracingMiddleware(function_app(server, stage), **settings)


def build_class(server: Server, stage: Stage, **settings: Any) -> Any:
    return TracingMiddleware(class_app(TracedWebSocketEndpoint, server, stage), **settings)


def build_fastapi(server: Server, stage: Stage, **settings: Any) -> Any:
    return TracingMiddleware(fastapi_app(server, stage), **settings)


def function_app(server: Server, stage: Stage) -> Any:
    return Starlette(routes=[WebSocketRoute(PATH, endpoint(server, stage))])


def class_app(base: Any, server: Server, stage: Stage) -> Any:
    class Room(base):
        async def on_connect(self, websocket: WebSocket) -> None:
            stage.push = websocket.send_text
            await behave(server.connect(), performer(websocket), stage)

        async def on_receive(self, websocket: WebSocket, data: Any) -> None:
            await behave(server.message(data), performer(websocket), stage)

        async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
            await behave(server.disconnect(), performer(websocket), stage)

    return Starlette(routes=[WebSocketRoute(PATH, Room)])


def fastapi_app(server: Server, stage: Stage) -> Any:
    app = FastAPI()
    room = endpoint(server, stage)

    async def user() -> str:
        return "somebody"

    @app.websocket(PATH)
    async def untraced(websocket: WebSocket, name: str = Depends(user)) -> None:
        await room(websocket)

    return app
