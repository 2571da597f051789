"""The traced class endpoint. A function endpoint needs nothing but the middleware."""

from __future__ import annotations

from typing import Any

from starlette.endpoints import WebSocketEndpoint
from starlette.websockets import WebSocket

from otel_ws import Message, Receive, Scope, Send
from otel_ws.asgi import found_in

from .middleware import TracingMiddleware

__all__ = ["TracedWebSocketEndpoint"]


class TracedWebSocketEndpoint(WebSocketEndpoint):
    """A ``WebSocketEndpoint`` that is traced with a `TracingMiddleware` around it or without."""

    async def dispatch(self) -> None:
        app = TracingMiddleware.around(self._dispatch, self.scope, name=type(self).__qualname__)
        await app(self.scope, self.receive, self.send)

    async def decode(self, websocket: WebSocket, message: Message) -> Any:
        """Return what a message says; what was parsed already is not parsed again."""
        data = message.get("text")
        data = message.get("bytes") if data is None else data
        found = found_in(data) if self.encoding == "json" and data else None
        return await super().decode(websocket, message) if found is None else found.parsed

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.receive, self.send = receive, send
        await super().dispatch()
