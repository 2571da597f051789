"""WebSockets of Django Channels, visible in OpenTelemetry."""

from __future__ import annotations

from .consumers import TracedConsumer, TracedConsumerMixin, TracedJsonConsumer
from .middleware import TracingMiddleware

__all__ = ["TracedConsumer", "TracedConsumerMixin", "TracedJsonConsumer", "TracingMiddleware"]
