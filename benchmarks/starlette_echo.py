"""The echo on Starlette."""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.endpoints import WebSocketEndpoint
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from .tracing import Untraced
from .workloads import PATH


def function(tracing: Untraced) -> Any:
    reply = tracing.reply

    async def echo(websocket: WebSocket) -> None:
        await websocket.accept()
        async for text in websocket.iter_text():
            await reply(websocket.send_text, text)

    return tracing.around(Starlette(routes=[WebSocketRoute(PATH, echo)]), "starlette")


def endpoint(tracing: Untraced) -> Any:
    class Echo(WebSocketEndpoint):
        encoding = "text"

        async def on_receive(self, websocket: WebSocket, data: str) -> None:
            await tracing.reply(websocket.send_text, data)

    return tracing.around(Starlette(routes=[WebSocketRoute(PATH, Echo)]), "starlette")
