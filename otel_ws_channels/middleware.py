"""The middleware for Channels."""

from __future__ import annotations

from collections.abc import Callable

from channels.exceptions import AcceptConnection, DenyConnection, StopConsumer

from otel_ws import Config, Scope, Settings, asgi

from . import conf
from ._routes import find_template

__all__ = ["TracingMiddleware"]


class TracingMiddleware(asgi.TracingMiddleware):
    """Trace the WebSockets of a Channels application; put it around ``ProtocolTypeRouter``.

    Takes the fields of `otel_ws.Config` as keywords; each stands before Django's ``OTEL_WS_*``
    setting of that name, which is read when a connection opens.
    Raises `otel_ws.ConfigError` when one of either is wrong at the start.
    """

    turns = "none"  # until a traced consumer says what delimits them
    expected = (AcceptConnection, DenyConnection, StopConsumer)

    def reader(self, settings: Settings) -> Callable[[], Config]:
        return conf.Source(settings).read

    def find_route(self, scope: Scope) -> Callable[[], str | None]:
        template = find_template(self.app, scope)
        return lambda: template
