"""The voice assistant as a Channels consumer."""

from __future__ import annotations

from autobahn.exception import Disconnected

from otel_ws_channels import TracedConsumer

from .pipeline import Conversation


class VoiceConsumer(TracedConsumer):
    async def connect(self) -> None:
        self.conversation = Conversation(self.say)
        await self.accept()
        self.conversation.open()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.conversation.hear((bytes_data or b"") if text_data is None else text_data)

    async def disconnect(self, code: int) -> None:
        await self.conversation.close()

    async def say(self, message: str | bytes) -> None:
        try:
            if isinstance(message, str):
                await self.send(message)
            else:
                await self.send(bytes_data=message)
        except Disconnected as error:  # Daphne knows it a moment before it says so
            raise ConnectionResetError("the client has gone") from error
