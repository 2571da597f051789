"""What a consumer dispatches, traced: by the mixin, and by the instrumentor."""

from __future__ import annotations

from functools import partial
from typing import Any

from otel_ws import Connection
from otel_ws.asgi import dispatch_traced
from otel_ws.events import Events

from ._losses import events
from .middleware import TracingMiddleware


class Dispatching:
    """As long as it lasts, the ``dispatch`` of a consumer is traced, whichever it has.

    It is wrapped on the instance: Channels awaits ``receive()`` in a task of its own, so that a
    span made current there is never current in a handler.
    """

    __slots__ = ("_consumer", "_own", "_told")

    def __init__(self, consumer: Any, scope: Any) -> None:
        self._consumer = consumer
        self._told = _told(consumer, scope)
        self._own = consumer.__dict__.get("dispatch")

    def __enter__(self) -> None:
        if self._told is not None:
            traced = _Dispatch(dispatch_traced, self._told, self._consumer.dispatch)
            self._consumer.__dict__["dispatch"] = traced

    def __exit__(self, *_: object) -> None:
        if self._told is not None:
            self._consumer.__dict__.pop("dispatch", None)
            if self._own is not None:
                self._consumer.__dict__["dispatch"] = self._own


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
