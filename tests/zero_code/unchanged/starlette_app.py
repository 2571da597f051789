from __future__ import annotations

import os

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket


async def edition(request: Request) -> PlainTextResponse:
    return PlainTextResponse("first edition")


async def room(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(f"{text} from {os.getpid()}")


app = Starlette(
    routes=[Route("/", edition), Mount("/ws", routes=[WebSocketRoute("/{room}", room)])]
)
