"""The voice assistant as a Starlette endpoint."""

from __future__ import annotations

from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from otel_ws_starlette import TracedWebSocketEndpoint

from .pipeline import Conversation


class Voice(TracedWebSocketEndpoint):
    """It takes text and sound, and so decodes neither."""

    async def on_connect(self, websocket: WebSocket) -> None:
        async def say(message: str | bytes) -> None:
            try:
                if isinstance(message, str):
                    await websocket.send_text(message)
                else:
                    await websocket.send_bytes(message)
            except WebSocketDisconnect as error:
                raise ConnectionResetError("the client has gone") from error

        self.conversation = Conversation(say)
        await websocket.accept()
        self.conversation.open()

    async def decode(self, websocket: WebSocket, message: Any) -> Any:
        text = message.get("text")
        return message["bytes"] if text is None else text

    async def on_receive(self, websocket: WebSocket, data: Any) -> None:
        await self.conversation.hear(data)

    async def on_disconnect(self, websocket: WebSocket, close_code: int) -> None:
        await self.conversation.close()
