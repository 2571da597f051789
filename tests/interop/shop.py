"""A shop on a plain WebSocket, for peers that speak JSON: it greets, and sells what is wanted."""

from __future__ import annotations

from opentelemetry import baggage
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from otel_ws_starlette import TracingMiddleware
from testproject import telemetry


async def shop(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_json({"welcome": "to the shop"})
    async for order in websocket.iter_json():
        customer = baggage.get_baggage("customer")
        await websocket.send_json({"sold": order["want"], "customer": customer})


telemetry.configure("server")

app = TracingMiddleware(
    Starlette(routes=[WebSocketRoute("/shop", shop)]), message_codec="json", inject_sends=True
)
