"""WebSockets of Starlette and FastAPI, visible in OpenTelemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_ws.lazy import lazy_names

if TYPE_CHECKING:
    from .endpoints import TracedWebSocketEndpoint
    from .middleware import TracingMiddleware
else:
    __getattr__ = lazy_names(
        __name__, endpoints=("TracedWebSocketEndpoint",), middleware=("TracingMiddleware",)
    )

__all__ = ["TracedWebSocketEndpoint", "TracingMiddleware"]
