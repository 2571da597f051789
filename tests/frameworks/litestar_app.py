"""Litestar: a handler that loops, and a listener."""

from __future__ import annotations

from litestar import Litestar, WebSocket, websocket, websocket_listener

from otel_ws import asgi

from .answers import answer


class TracingMiddleware(asgi.TracingMiddleware):
    def find_route(self, scope):
        return lambda: scope.get("path_template")


@websocket("/ws/{name:str}")
async def loop(socket: WebSocket, name: str) -> None:
    await socket.accept()
    async for text in socket.iter_data():
        with answer(text) as said:
            await socket.send_text(said)


@websocket_listener("/listen/{name:str}")
async def listen(data: str, name: str) -> str:
    with answer(data) as said:
        return said


@websocket("/closed")
async def closed(socket: WebSocket) -> None:
    await socket.close()


host = Litestar([loop, listen, closed])
bare, app = asgi.TracingMiddleware(host), TracingMiddleware(host)
