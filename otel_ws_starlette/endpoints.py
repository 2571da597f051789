"""The traced class endpoint. A function endpoint needs nothing but the middleware."""

from __future__ import annotations

from starlette.endpoints import WebSocketEndpoint

from otel_ws import Receive, Scope, Send

from .middleware import TracingMiddleware

__all__ = ["TracedWebSocketEndpoint"]


class TracedWebSocketEndpoint(WebSocketEndpoint):
    """A ``WebSocketEndpoint`` that is traced with a `TracingMiddleware` around it or without."""

    async def dispatch(self) -> None:
        await TracingMiddleware.around(
            self._dispatch, self.scope, self.receive, self.send, name=type(self).__qualname__
        )

    async def _dispatch(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.receive, self.send = receive, send
        await super().dispatch()
