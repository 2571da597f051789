"""The chat and an echo as Starlette endpoints."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import Any

from starlette.websockets import WebSocket

from otel_ws_starlette import TracedWebSocketEndpoint

from .messages import ChatMessage, name_from, text_from


async def echo(websocket: WebSocket) -> None:
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


class Rooms:
    """Who is where, in this process."""

    def __init__(self) -> None:
        self._members: defaultdict[str, list[WebSocket]] = defaultdict(list)

    def join(self, room: str, websocket: WebSocket) -> None:
        self._members[room].append(websocket)

    def leave(self, room: str, websocket: WebSocket) -> None:
        self._members[room].remove(websocket)
        if not self._members[room]:
            del self._members[room]

    async def tell(self, room: str, message: ChatMessage) -> None:
        # Together, so that nobody waits for a slow member; one who just vanished is no error.
        sends = [member.send_json(message) for member in self._members.get(room, ())]
        await asyncio.gather(*sends, return_exceptions=True)


rooms = Rooms()


class Chat(TracedWebSocketEndpoint):
    encoding = "json"

    async def on_connect(self, websocket: WebSocket) -> None:
        self.name = name_from(websocket.scope["query_string"])
        self.room = websocket.path_params["room"]
        await websocket.accept()
        rooms.join(self.room, websocket)
        await rooms.tell(self.room, {"kind": "joined", "name": self.name, "text": ""})

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        if text := text_from(data):
            await rooms.tell(self.room, {"kind": "said", "name": self.name, "text": text})

    async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
        rooms.leave(self.room, websocket)
        await rooms.tell(self.room, {"kind": "left", "name": self.name, "text": ""})
