"""Applications that have the page among their routes, for the servers to run."""

from __future__ import annotations

import os

import django
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.core.asgi import get_asgi_application
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket

import otel_ws_channels
import otel_ws_starlette
from otel_ws.page import PageSpanProcessor, TracePage
from tests.wire.watch import end_after

end_after(int(os.environ["WIRE_TESTS"]))
provider = TracerProvider()
provider.add_span_processor(PageSpanProcessor())
trace.set_tracer_provider(provider)

settings.configure(
    ALLOWED_HOSTS=["*"],
    INSTALLED_APPS=["channels", "otel_ws_channels"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
    ROOT_URLCONF="tests.page.urls",
)
django.setup()

from tests.page.urls import websocket_urlpatterns  # noqa: E402  (needs Django's apps)

channels = otel_ws_channels.TracingMiddleware(
    ProtocolTypeRouter(
        {"http": get_asgi_application(), "websocket": URLRouter(websocket_urlpatterns)}
    )
)


def ready(request: Request) -> JSONResponse:
    return JSONResponse({})


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


starlette = otel_ws_starlette.TracingMiddleware(
    Starlette(
        routes=[
            Route("/ready", ready),
            WebSocketRoute("/ws/echo", echo),
            Mount("/traces", TracePage()),
        ]
    )
)
