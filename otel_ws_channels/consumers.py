"""Traced consumers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer

from otel_ws.asgi import found_in

from ._dispatch import Dispatching
from .middleware import TracingMiddleware

if TYPE_CHECKING:
    from channels.consumer import AsyncConsumer as _Consumer
else:
    _Consumer = object

__all__ = ["TracedConsumer", "TracedConsumerMixin", "TracedJsonConsumer"]


class TracedConsumerMixin(_Consumer):
    """Trace any consumer, sync or async; name it first among the bases."""

    # Any: the words of ASGI that Channels' stubs use are not those of the servers' types.
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        app = TracingMiddleware.around(self._call_traced, scope, name=type(self).__qualname__)
        await app(scope, receive, send)

    async def _call_traced(self, scope: Any, receive: Any, send: Any) -> None:
        with Dispatching(self, scope):
            await super().__call__(scope, receive, send)


class TracedConsumer(TracedConsumerMixin, AsyncWebsocketConsumer):
    """An ``AsyncWebsocketConsumer``, traced."""


class TracedJsonConsumer(TracedConsumerMixin, AsyncJsonWebsocketConsumer):
    """An ``AsyncJsonWebsocketConsumer``, traced; what was parsed already is not parsed again."""

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:
        found = found_in(text_data)
        return await super().decode_json(text_data) if found is None else found.parsed
