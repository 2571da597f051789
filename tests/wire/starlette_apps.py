"""The scenarios as Starlette function endpoints, as class endpoints, and in FastAPI."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.endpoints import WebSocketEndpoint
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from tests.wire.plain import DENIAL_EXTENSION, Crash

Endpoint = Callable[[WebSocket], Awaitable[None]]


async def answer(websocket: WebSocket, data: str | bytes) -> None:
    await (websocket.send_text(data) if isinstance(data, str) else websocket.send_bytes(data))


async def refuse(websocket: WebSocket) -> None:
    if DENIAL_EXTENSION in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(PlainTextResponse("no entry", 401))
    else:
        await websocket.close()


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    while (message := await websocket.receive())["type"] == "websocket.receive":
        text = message.get("text")
        await answer(websocket, message["bytes"] if text is None else text)


async def crash(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.receive()
    raise Crash("boom")


async def crash_early(websocket: WebSocket) -> None:
    raise Crash("boom")


async def deny(websocket: WebSocket) -> None:
    await websocket.close()


async def deny_with_response(websocket: WebSocket) -> None:
    await refuse(websocket)


async def close(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.receive()
    await websocket.close(4001, "enough")


async def leave(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.receive()


async def send_late(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.receive()
    await websocket.send_text("too late")


ENDPOINTS: dict[str, Endpoint] = {
    "/ws/echo": echo,
    "/ws/crash": crash,
    "/ws/crash-early": crash_early,
    "/ws/deny": deny,
    "/ws/deny-with-response": deny_with_response,
    "/ws/close": close,
    "/ws/leave": leave,
    "/ws/send-late": send_late,
}


class Echo(WebSocketEndpoint):
    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        await answer(websocket, data)


class CrashOnReceive(WebSocketEndpoint):
    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        raise Crash("boom")


class CrashEarly(WebSocketEndpoint):
    async def on_connect(self, websocket: WebSocket) -> None:
        raise Crash("boom")


class Deny(WebSocketEndpoint):
    async def on_connect(self, websocket: WebSocket) -> None:
        await websocket.close()


class DenyWithResponse(WebSocketEndpoint):
    async def on_connect(self, websocket: WebSocket) -> None:
        await refuse(websocket)


class Close(WebSocketEndpoint):
    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        await websocket.close(4001, "enough")


class SendLate(WebSocketEndpoint):
    async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
        await websocket.send_text("too late")


CLASSES: dict[str, type[WebSocketEndpoint]] = {
    "/ws/echo": Echo,
    "/ws/crash": CrashOnReceive,
    "/ws/crash-early": CrashEarly,
    "/ws/deny": Deny,
    "/ws/deny-with-response": DenyWithResponse,
    "/ws/close": Close,
    "/ws/send-late": SendLate,
}


def functions() -> Starlette:
    return Starlette(routes=[WebSocketRoute(path, run) for path, run in ENDPOINTS.items()])


def classes(*bases: type[WebSocketEndpoint]) -> Starlette:
    """Serve the class endpoints, each with `bases` behind its own."""
    routes = [
        WebSocketRoute(path, type(endpoint.__name__, (endpoint, *bases), {}))
        for path, endpoint in CLASSES.items()
    ]
    return Starlette(routes=routes)


def fastapi() -> FastAPI:
    app = FastAPI()
    for path, endpoint in ENDPOINTS.items():
        app.add_api_websocket_route(path, endpoint)
    return app
