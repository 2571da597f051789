"""A page and its socket, traced from end to end; who is trusted is said by the environment."""

from __future__ import annotations

from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.util.http import parse_excluded_urls
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from otel_ws_starlette import TracingMiddleware
from otel_ws_starlette.pages import browser_files
from testproject import telemetry

from .app import page


async def shop(websocket: WebSocket) -> None:
    await websocket.accept("shop")
    async for order in websocket.iter_json():
        await websocket.send_json({"sold": order["want"]})


telemetry.configure("shop")

app = TracingMiddleware(
    OpenTelemetryMiddleware(
        Starlette(
            routes=[Route("/page", page), WebSocketRoute("/shop", shop), browser_files()],
        ),
        excluded_urls=parse_excluded_urls("shop,otel-ws"),
        exclude_spans=["receive", "send"],
    ),
    carriers=["subprotocol"],
    message_codec="json",
    inject_sends=True,
)
