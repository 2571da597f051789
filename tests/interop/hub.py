"""A hub of SignalR's JSON protocol, by hand: it echoes, and tells what it has heard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from otel_ws_starlette import TracingMiddleware
from testproject import telemetry

SEPARATOR = "\x1e"
INVOCATION, COMPLETION = 1, 3


def records(frame: str) -> Iterator[dict[str, Any]]:
    yield from map(json.loads, frame.split(SEPARATOR)[:-1])


def frame(*messages: dict[str, Any]) -> str:
    return "".join(json.dumps(message) + SEPARATOR for message in messages)


async def hub(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.receive_text()  # {"protocol": "json", "version": 1}
    await websocket.send_text(frame({}))
    async for text in websocket.iter_text():
        for message in records(text):
            if message.get("type") == INVOCATION:
                heard = {"type": INVOCATION, "target": "heard", "arguments": message["arguments"]}
                answer = {"type": COMPLETION, "invocationId": message["invocationId"], "result": 2}
                await websocket.send_text(frame(heard, answer))


telemetry.configure("server")

app = TracingMiddleware(
    Starlette(routes=[WebSocketRoute("/hub", hub)]), message_codec="signalr", inject_sends=True
)
