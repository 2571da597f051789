"""WebSockets of Django Channels, visible in OpenTelemetry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from otel_ws.lazy import lazy_names

if TYPE_CHECKING:
    from .consumers import TracedConsumer, TracedConsumerMixin, TracedJsonConsumer
    from .middleware import TracingMiddleware
else:
    __getattr__ = lazy_names(
        __name__,
        consumers=("TracedConsumer", "TracedConsumerMixin", "TracedJsonConsumer"),
        middleware=("TracingMiddleware",),
    )

__all__ = ["TracedConsumer", "TracedConsumerMixin", "TracedJsonConsumer", "TracingMiddleware"]
