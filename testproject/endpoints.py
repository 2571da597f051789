"""The chat and an echo as Starlette endpoints."""

from __future__ import annotations

from typing import Any

from starlette.websockets import WebSocket

from otel_ws_starlette import TracedWebSocketEndpoint

from .connections import ConnectionManager
from .messages import ChatMessage, name_from, text_from


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


class Chat(TracedWebSocketEndpoint):
    encoding = "json"

    async def on_connect(self, websocket: WebSocket) -> None:
        self.name = name_from(websocket.scope["query_string"])
        self.room = websocket.path_params["room"]
        self.manager: ConnectionManager = websocket.state.manager
        await self.manager.connect(self.room, websocket)
        await self.tell({"kind": "joined", "name": self.name, "text": ""})

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        if text := text_from(data):
            await self.tell({"kind": "said", "name": self.name, "text": text})

    async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
        self.manager.disconnect(self.room, websocket)
        await self.tell({"kind": "left", "name": self.name, "text": ""})

    async def tell(self, message: ChatMessage) -> None:
        await self.manager.broadcast(self.room, message)
