"""WebSockets of Starlette and FastAPI, visible in OpenTelemetry."""

from __future__ import annotations

from .endpoints import TracedWebSocketEndpoint
from .middleware import TracingMiddleware

__all__ = ["TracedWebSocketEndpoint", "TracingMiddleware"]
