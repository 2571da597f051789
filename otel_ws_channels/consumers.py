"""Traced consumers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from channels.generic.websocket import AsyncJsonWebsocketConsumer, AsyncWebsocketConsumer

from otel_ws import Connection
from otel_ws.asgi import dispatch_traced, found_in

from ._losses import events
from .middleware import TracingMiddleware

if TYPE_CHECKING:
    from channels.consumer import AsyncConsumer as _Consumer
else:
    _Consumer = object

__all__ = ["TracedConsumer", "TracedConsumerMixin", "TracedJsonConsumer"]


class TracedConsumerMixin(_Consumer):
    """Trace any consumer, sync or async; name it first among the bases.

    Whatever ``dispatch`` the consumer has is wrapped on each instance: Channels awaits
    ``receive()`` in a task of its own, so that a span made current there is never current in a
    handler.
    """

    # Any: the words of ASGI that Channels' stubs use are not those of the servers' types.
    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await TracingMiddleware.around(
            self._call_traced, scope, receive, send, name=type(self).__qualname__
        )

    async def _call_traced(self, scope: Any, receive: Any, send: Any) -> None:
        connection = Connection.of(scope)
        if connection is not None:
            connection.dispatches(*TracingMiddleware.expected, events=events)
        elif scope["type"] == "websocket" and scope.get("otel_ws") is None:
            await super().__call__(scope, receive, send)
            return
        dispatch: Any = self.dispatch
        own = self.__dict__.get("dispatch")
        self.__dict__["dispatch"] = partial(dispatch_traced, connection or events, dispatch)
        try:
            await super().__call__(scope, receive, send)
        finally:
            self.__dict__.pop("dispatch", None)
            if own is not None:
                self.__dict__["dispatch"] = own


class TracedConsumer(TracedConsumerMixin, AsyncWebsocketConsumer):
    """An ``AsyncWebsocketConsumer``, traced."""


class TracedJsonConsumer(TracedConsumerMixin, AsyncJsonWebsocketConsumer):
    """An ``AsyncJsonWebsocketConsumer``, traced; what was parsed already is not parsed again."""

    @classmethod
    async def decode_json(cls, text_data: str) -> Any:
        found = found_in(text_data)
        return await super().decode_json(text_data) if found is None else found.parsed
