"""A Django project that has the page among its routes."""

from __future__ import annotations

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import URLRouter
from django.http import HttpRequest, JsonResponse
from django.urls import include, path

from otel_ws.page import TracePage
from otel_ws_channels import page
from otel_ws_channels.consumers import TracedConsumerMixin


class Echo(TracedConsumerMixin, AsyncWebsocketConsumer):
    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.send(text_data, bytes_data)


def ready(request: HttpRequest) -> JsonResponse:
    return JsonResponse({})


def is_ada(scope: dict[str, object]) -> bool:
    return getattr(scope["user"], "username", "") == "ada"


urlpatterns = [
    path("ready", ready),
    path("traces/", include("otel_ws_channels.page")),
    path("private/", include(page.http_urls(TracePage(allow=is_ada)))),
]
websocket_urlpatterns = [
    path("ws/echo", Echo.as_asgi()),
    path("traces/", URLRouter(page.websocket_urlpatterns)),
]
