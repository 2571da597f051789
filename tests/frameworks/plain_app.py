"""ASGI without any framework."""

from __future__ import annotations

from otel_ws import asgi

from .answers import answer


class TracingMiddleware(asgi.TracingMiddleware):
    def find_route(self, scope):
        return lambda: "/ws/{name}" if scope["path"].startswith("/ws/") else None


async def host(scope, receive, send) -> None:
    assert scope["type"] == "websocket"
    await receive()
    if not scope["path"].startswith("/ws/"):
        return await send({"type": "websocket.close"})
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        with answer(message["text"]) as said:
            await send({"type": "websocket.send", "text": said})


bare, app = asgi.TracingMiddleware(host), TracingMiddleware(host)
