"""A JSON-RPC server: the dispatcher of pjrpc, which binds parameters by name."""

from __future__ import annotations

import json

import pjrpc.server
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from otel_ws_starlette import TracingMiddleware
from testproject import telemetry

methods = pjrpc.server.MethodRegistry()


@methods.add(name="price", pass_context="websocket")
async def price(websocket: WebSocket, item: str) -> dict[str, object]:
    notice = pjrpc.Request("looked_up", params={"item": item})
    await websocket.send_text(json.dumps(notice.to_json()))
    return {"item": item, "price": 2}


dispatcher: pjrpc.server.AsyncDispatcher[WebSocket] = pjrpc.server.AsyncDispatcher()
dispatcher.add_methods(methods)


async def rpc(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        if answer := await dispatcher.dispatch(text, websocket):
            await websocket.send_text(answer[0])


telemetry.configure("server")

app = TracingMiddleware(
    Starlette(routes=[WebSocketRoute("/rpc", rpc)]), message_codec="jsonrpc", inject_sends=True
)
