"""The middleware for Starlette and FastAPI."""

from __future__ import annotations

import sys
from collections.abc import Callable

from opentelemetry.trace import Span
from starlette.websockets import WebSocketDisconnect

from otel_ws import Scope, asgi

from ._routes import route_finder

__all__ = ["TracingMiddleware"]

_FASTAPI = "fastapi.telemetry"


class TracingMiddleware(asgi.TracingMiddleware):
    """Trace the WebSockets of a Starlette or FastAPI application.

    ``TracingMiddleware(app)`` around the application is the best place, ``app.add_middleware`` or
    ``middleware=[...]`` the second best. Takes the fields of `otel_ws.Config` as keywords.
    """

    expected = (WebSocketDisconnect,)
    answers_lifespan = False  # these applications speak the protocol

    def find_route(self, scope: Scope) -> Callable[[], str | None]:
        return route_finder(self.app, scope)

    def outer_span(self, scope: Scope) -> Span | None:
        """Return the span that FastAPI has opened, or keep it from opening one.

        FastAPI, since 0.142, traces a WebSocket unless its scope has this key.
        """
        if "fastapi" in sys.modules and self.config().neighbours == "replace":
            scope.setdefault(_FASTAPI, None)
        span: Span | None = getattr(scope.get(_FASTAPI), "span", None)
        return span or super().outer_span(scope)
