"""The instrumentor for Starlette and FastAPI.

$ opentelemetry-instrument uvicorn app:app
"""

from __future__ import annotations

from typing import Any

from otel_ws import Config, asgi
from otel_ws.auto import Instrumentor, Patch

__all__ = ["StarletteInstrumentor"]


class StarletteInstrumentor(Instrumentor):
    """Trace the WebSockets of every Starlette and FastAPI application, and of bare routers.

    FastAPI's own ``__call__`` is replaced too, because since 0.142 it opens a span there: we
    begin before it, or after it where that span is to be used.
    """

    requires = "starlette >= 0.40"

    def patches(self) -> tuple[Patch, ...]:
        return (
            Patch("starlette.applications:Starlette.__call__", self.calling),
            Patch("starlette.routing:Router.__call__", self.calling),
            Patch(
                "fastapi.applications:FastAPI.__call__",
                lambda original: self.calling(original, _is_replacing),
            ),
        )

    def middleware(self) -> type[asgi.TracingMiddleware]:
        from .middleware import TracingMiddleware

        return TracingMiddleware

    def is_traced(self, app: Any) -> bool:
        classes = (each.cls for each in getattr(app, "user_middleware", ()))
        return any(isinstance(c, type) and issubclass(c, asgi.TracingMiddleware) for c in classes)


def _is_replacing(config: Config) -> bool:
    return config.has_tracer and config.neighbours == "replace"
