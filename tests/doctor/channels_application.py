"""Channels: a consumer without the mixin, and one behind a check of the origin."""

from __future__ import annotations

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.conf import settings
from django.urls import path, re_path

from otel_ws_channels import TracedConsumerMixin, TracingMiddleware
from testproject import telemetry

settings.configure(ALLOWED_HOSTS=["127.0.0.1"], INSTALLED_APPS=["channels", "otel_ws_channels"])
django.setup()
telemetry.configure("app")


class Echo(AsyncWebsocketConsumer):
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.send(text_data)


class Traced(TracedConsumerMixin, Echo):
    """The same, traced."""


checked = AllowedHostsOriginValidator(URLRouter([path("echo", Traced.as_asgi())]))
routes = [
    path("ws/untraced", Echo.as_asgi()),
    path("ws/traced", Traced.as_asgi()),
    re_path("^checked/", checked),
]
without_middleware = ProtocolTypeRouter({"websocket": URLRouter(routes)})
application = TracingMiddleware(without_middleware)
