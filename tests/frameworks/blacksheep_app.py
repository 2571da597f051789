"""BlackSheep: its router tells the route when the connection opens."""

from __future__ import annotations

from blacksheep import Application, WebSocket, WebSocketDisconnectError

from otel_ws import asgi

from .answers import answer


class TracingMiddleware(asgi.TracingMiddleware):
    def find_route(self, scope):
        match = self.app.router.get_match_by_method_and_path("GET_WS", scope["path"])
        found = match.pattern.decode() if match else "*"
        return lambda: None if found == "*" else found


host = Application()


@host.router.ws("/ws/{name}")
async def loop(websocket: WebSocket, name: str) -> None:
    await websocket.accept()
    while True:
        try:
            text = await websocket.receive_text()
        except WebSocketDisconnectError:
            return
        with answer(text) as said:
            await websocket.send_text(said)


@host.router.ws("/closed")
async def closed(websocket: WebSocket) -> None:
    await websocket.close()


bare, app = asgi.TracingMiddleware(host), TracingMiddleware(host)
