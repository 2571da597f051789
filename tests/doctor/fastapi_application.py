"""FastAPI, which traces WebSockets itself since 0.142, with the middleware inside of it."""

from __future__ import annotations

from fastapi import FastAPI, WebSocket

from otel_ws_starlette import TracingMiddleware
from testproject import telemetry

telemetry.configure("app")
inside, untraced = FastAPI(), FastAPI()
inside.add_middleware(TracingMiddleware)


@untraced.websocket("/ws/echo")
@inside.websocket("/ws/echo")
async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)
