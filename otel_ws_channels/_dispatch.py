"""What a consumer dispatches, traced: by the mixin, and by the instrumentor."""

from __future__ import annotations

from functools import partial
from typing import Any

from otel_ws import Connection
from otel_ws.asgi import dispatch_traced
from otel_ws.events import Events

from ._losses import events
from .middleware import TracingMiddleware


async def call_traced(consumer: Any, call: Any, scope: Any, receive: Any, send: Any) -> Any:
    """Call a consumer, by `call`, with its ``dispatch`` traced as long as that lasts.

    Whatever ``dispatch`` it has is wrapped on the instance: Channels awaits ``receive()`` in a
    task of its own, so that a span made current there is never current in a handler.
    """
    told = _told(consumer, scope)
    if told is None:
        return await call(scope, receive, send)
    own, dispatch = consumer.__dict__.get("dispatch"), consumer.dispatch
    consumer.__dict__["dispatch"] = _Dispatch(dispatch_traced, told, dispatch)
    try:
        return await call(scope, receive, send)
    finally:
        consumer.__dict__.pop("dispatch", None)
        if own is not None:
            consumer.__dict__["dispatch"] = own


def _told(consumer: Any, scope: Any) -> Connection | Events | None:
    """Return what is to be told of what is dispatched; None if nothing is, or all is already."""
    if isinstance(consumer.__dict__.get("dispatch"), _Dispatch):
        return None
    connection = Connection.of(scope)
    if connection is not None:
        connection.dispatches(*TracingMiddleware.expected, events=events)
    elif scope["type"] == "websocket" and scope.get("otel_ws") is None:
        return None
    return connection or events


class _Dispatch(partial[Any]):
    """The ``dispatch`` of a consumer, traced."""
