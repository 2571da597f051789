"""A site of Django and Channels: a page with the two tags, and a socket that tells what it got."""

from __future__ import annotations

import json
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.urls import path
from opentelemetry import trace
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.sdk.trace import TracerProvider

PAGE = """{% load otel_ws %}<!DOCTYPE html>
<meta charset="utf-8">
<title>A page of Django</title>
<link rel="icon" href="data:,">
{% otel_ws_page_context %}
{% otel_ws_import_map %}
<script type="module">
  import * as otelWs from "otel-ws";
  window.otelWs = otelWs;
</script>
"""

settings.configure(
    SECRET_KEY="of a test",
    DEBUG=True,
    ALLOWED_HOSTS=["127.0.0.1"],
    INSTALLED_APPS=["channels", "django.contrib.staticfiles", "otel_ws_channels"],
    MIDDLEWARE=["otel_ws_channels.http.PageContextMiddleware"],
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    ROOT_URLCONF=__name__,
    STATIC_URL="/static/",
)


async def page(request: HttpRequest) -> HttpResponse:
    span = trace.get_current_span().get_span_context()
    response = HttpResponse(engines["django"].from_string(PAGE).render({}, request))
    response["X-Span"] = f"{span.span_id:016x}"
    return response


urlpatterns = [path("page", page)]


class Echo(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        offered = self.scope["subprotocols"]
        await self.accept("chat" if "chat" in offered else None)
        query = self.scope["query_string"].decode()
        await self.send(json.dumps({"offered": offered, "query": query}))

    async def receive(self, text_data: Any = None, bytes_data: Any = None) -> None:
        await self.send(text_data, bytes_data)


trace.set_tracer_provider(TracerProvider())
DjangoInstrumentor().instrument()
django = get_asgi_application()

application = ProtocolTypeRouter(
    {"http": ASGIStaticFilesHandler(django), "websocket": Echo.as_asgi()}
)
